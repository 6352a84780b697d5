"""The streams and signals a process gets: missing, full or interrupted, none of them is a fault of ours."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from paramcalc.cli import streams

ROOT = Path(__file__).parents[2]
PYTHON = f'"{sys.executable}" -m paramcalc'


def shell(line):
    return subprocess.run(["bash", "-c", line.replace("paramcalc", PYTHON)], cwd=ROOT,  # noqa: S607
                          capture_output=True, text=True, check=False, env=os.environ | {"COLUMNS": "80"})


@pytest.mark.parametrize("command", ["count llama-3.1-8b", "check configs/llama/llama-3.1-8b.yaml", "list", "--version",
                                     "--help", "memory --help", "count llama-3.1-8b --color always"])
@pytest.mark.parametrize(("stream", "words"), [(">&-", "it is closed"), ("> /dev/full", "no space left on device")])
def test_an_answer_that_cannot_be_written(command, stream, words):
    result = shell(f"paramcalc {command} {stream}")
    assert (result.returncode, result.stderr) == (2, f"error: standard output cannot be written: {words}\n")


@pytest.mark.parametrize("streams", ["2>&-", "2>/dev/full", "2>&- >&-", "2>&- >&- <&-", "2>/dev/full >/dev/full"])
def test_what_cannot_be_said_does_not_change_the_code(streams):
    assert shell(f"paramcalc count no-such-model {streams}").returncode == 2


def test_a_file_needs_no_standard_streams(tmp_path):
    assert shell(f"paramcalc count llama-3.1-8b --output {tmp_path}/a.txt >&- 2>&- <&-").returncode == 0
    assert "8,030,261,248" in (tmp_path / "a.txt").read_text("utf-8")


INTERRUPT = """
import os, signal, sys
class Finder:
    def find_spec(self, name, *_):
        if name == {module!r} and sys.meta_path.pop(0):
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background is started with it ignored
sys.argv = ["paramcalc", "count", "llama-3.1-8b", "--quiet"]
from paramcalc.__main__ import main
main()
"""


@pytest.mark.parametrize("module", ["paramcalc.cli", "paramcalc.cli.commands", "paramcalc.cli.streams",
                                    "paramcalc.cli.main", "paramcalc.errors", "typing", "pydantic", "paramcalc.build",
                                    "paramcalc.reports.render"])
def test_an_interrupt_is_quiet_at_any_time(module):
    result = subprocess.run([sys.executable, "-c", INTERRUPT.format(module=module)], cwd=ROOT, capture_output=True,
                          text=True, check=False)
    assert result.returncode == 130
    assert (result.stdout, result.stderr) == ("", "")


def test_missing_streams_are_put_in_place(monkeypatch):
    opened = []
    monkeypatch.setattr(os, "open", lambda path, _: opened.append(path))
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    streams.prepare()
    assert opened == [os.devnull] * 3
    assert (sys.stdin.read(), sys.stderr.write("x"), sys.stdout.isatty(), sys.stdout.fileno()) == ("", 1, False, 1)
    sys.stdin.close()
    sys.stderr.close()
    assert (sys.stdout.write(""), sys.stdout.flush()) == (0, None)
    with pytest.raises(OSError, match="it is closed") as caught:
        sys.stdout.write("x")
    assert streams.unwritable(caught.value) == "it is closed"
    assert streams.unwritable(FileNotFoundError(2, "no such file", "x")) == ""


def test_what_cannot_be_told_is_dropped(monkeypatch, tmp_path):
    with (tmp_path / "full").open("w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        streams.tell("x")
        stream.flush()
    full = open("/dev/full", "w", buffering=1, encoding="utf-8")  # noqa: SIM115 - it cannot be closed before it is dropped
    monkeypatch.setattr(sys, "stderr", full)
    streams.tell("a line\n")
    full.close()
    assert (tmp_path / "full").read_text() == "x"
