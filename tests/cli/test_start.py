"""How the process starts and ends, and what it shows while one waits."""

import os
import runpy
import signal
import sys
from types import SimpleNamespace

import pytest

from paramcalc import cli
from paramcalc.cli import progress as bars


class ProcessEndError(Exception):
    """Stands for the end of the process, so that a test outlives it."""


@pytest.fixture
def ends(monkeypatch):
    """Codes the process would have ended with."""
    codes = []

    def end(code):
        codes.append(code)
        raise ProcessEndError

    monkeypatch.setattr(os, "_exit", end)
    return codes


def test_a_program_that_starts_a_command_gets_its_exit_code(capsys):
    with pytest.raises(SystemExit) as caught:
        cli.start(["count", "gpt2", "--format", "csv"])
    assert caught.value.code == 0
    assert "124439808" in capsys.readouterr().out


def test_the_process_ends_with_the_commands_code(ends, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["paramcalc", "count", "no-such-model"])
    monkeypatch.setattr(sys, "gettrace", lambda: None)
    before = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(ProcessEndError):
            runpy.run_module("paramcalc", run_name="__main__")
    finally:
        signal.signal(signal.SIGINT, before)
    assert ends == [2]
    assert "no-such-model" in capsys.readouterr().err


def test_an_interrupt_before_the_command_line_takes_it_over_ends_it(ends, monkeypatch):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "start", interrupt)
    with pytest.raises(ProcessEndError):
        runpy.run_module("paramcalc", run_name="__main__")
    assert ends == [cli.INTERRUPTED]


def test_an_interrupt_ends_it_without_a_word(ends, capsys):
    with pytest.raises(ProcessEndError):
        cli._interrupted()
    assert ends == [cli.INTERRUPTED]
    assert capsys.readouterr() == ("", "")


def test_a_bar_is_drawn_on_a_terminal_after_a_while_and_goes(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    now = iter([0.0, 0.2, 1.0, 1.05, 2.0])
    monkeypatch.setattr(bars, "time", SimpleNamespace(monotonic=lambda: next(now)))  # others need the clock as well
    with bars.progress("models", quiet=False) as tick:
        for completed in (1, 2, 3, 4):
            tick(completed, 5)
    drawn = capsys.readouterr().err
    assert drawn.count("models") == 2, "nothing in the first half second, nothing twice in a tenth"
    assert "2 of 5 models" in drawn
    assert drawn.endswith("\r\x1b[K")


def test_no_bar_of_one_thing(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(bars, "PATIENCE", 0.0)
    with bars.progress("models", quiet=False) as tick:
        tick(1, 1)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("quiet", "terminal"), [(True, True), (False, False)])
def test_no_bar_where_nobody_looks(quiet, terminal, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    monkeypatch.setattr(bars, "PATIENCE", 0.0)
    with bars.progress("models", quiet=quiet) as tick:
        tick(1, 2)
    assert capsys.readouterr().err == ""
