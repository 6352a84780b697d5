"""`python -m paramcalc`, and what the installed script calls."""

import os
import runpy

import pytest

import paramcalc.cli
from paramcalc.__main__ import main
from paramcalc.cli.commands import INTERRUPTED


def test_a_ctrl_c_before_the_command_line_takes_it_over_ends_the_process(monkeypatch):
    def interrupt():
        raise KeyboardInterrupt

    def end(code):
        raise SystemExit(code)

    monkeypatch.setattr(paramcalc.cli, "start", interrupt)
    monkeypatch.setattr(os, "_exit", end)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == INTERRUPTED


def test_the_command_line_is_started(monkeypatch):
    started = []
    monkeypatch.setattr(paramcalc.cli, "start", lambda: started.append(True))
    main()
    runpy.run_path(main.__code__.co_filename, run_name="__main__")
    assert started == [True, True]
