"""Bad files from the command line: exit 2, everything on standard error, no traceback, in bounded time and memory."""

import subprocess
import sys
from pathlib import Path

import pytest

from paramcalc.cli.main import run
from tests.processor import quick

BAD = Path(__file__).parents[1] / "data" / "bad"
SPECS = sorted((BAD / "spec").glob("*.yaml"))
OTHERS = sorted(path for folder in (BAD, BAD / "config") for path in folder.iterdir()
                if path.suffix in (".yaml", ".json"))
COMMANDS = {"count": [], "memory": [], "estimate": [], "explain": [], "flops": [], "convert": [],
            "fit": ["--gpu", "h100"], "speed": ["--gpu", "h100"], "train": []}


def refused(capsys, *arguments):
    code = run(list(arguments))
    output = capsys.readouterr()
    assert output.out == ""
    assert code == 2
    assert output.err.startswith("error: ")
    assert "Traceback" not in output.err
    assert "a fault of" not in output.err
    return output.err


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_specs_are_refused_by_memory(path, capsys):
    """Rules of quantization are only looked at where bytes are counted; everything else by every command."""
    output = refused(capsys, "memory", str(path))
    assert f"{path.name}:" in output


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_refuses_alike(command, capsys):
    path = BAD / "spec" / "two_blocks_wrong.yaml"
    expected = [line for line in path.with_suffix(".expected").read_text("utf-8").splitlines() if line[:1] != " "]
    output = refused(capsys, command, str(path), *COMMANDS[command])
    for line in expected:
        assert f"error: {path.parent}/{line}\n" in output


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: path.name)
def test_other_files_are_refused(path, capsys):
    assert refused(capsys, "count", str(path), "--strict")


RUN = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (400 * 2**20,) * 2)
from paramcalc.cli import start
try:
    start(["count", sys.argv[1]])
finally:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    # ru_maxrss would be at least that of the process this one was forked from
    peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    print(usage.ru_utime + usage.ru_stime, int(peak.split()[1]) // 1024)
"""


@pytest.mark.parametrize("name", ["spec/repeat_bomb.yaml", "spec/hidden_size_huge.yaml", "alias_bomb.yaml",
                                  "json_deep.json"])
def test_refusals_are_quick_and_small(name):
    assert quick(1, lambda: refused_in(BAD / name))


def refused_in(path):
    """Processor seconds of a process that refuses a file in at most 200 MiB."""
    ended = subprocess.run([sys.executable, "-c", RUN, path], capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 2, ended.stderr
    assert "Traceback" not in ended.stderr
    seconds, mebibytes = ended.stdout.split()
    assert int(mebibytes) < 200
    return float(seconds)
