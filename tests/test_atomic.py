"""A file is replaced only when the new one is whole."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from paramcalc.atomic import file_stem, write_atomic
from paramcalc.errors import UsageError


def test_the_old_content_stays_until_the_new_one_is_whole(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    path.write_text("old")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        write_atomic(path, "new")
    assert (path.read_text(), os.listdir(tmp_path)) == ("old", ["a.json"])
    monkeypatch.undo()
    write_atomic(path, "new")
    assert (path.read_text(), os.listdir(tmp_path)) == ("new", ["a.json"])


def test_links_and_modes_stay(tmp_path):
    path, link = tmp_path / "a.json", tmp_path / "link.json"
    path.write_text("old")
    path.chmod(0o640)
    link.symlink_to("a.json")
    write_atomic(link, b"new")
    assert (path.read_bytes(), link.is_symlink(), path.stat().st_mode & 0o777) == (b"new", True, 0o640)


def test_an_interrupt_leaves_nothing_beside_the_old_file(tmp_path):
    path = tmp_path / "keep"
    path.write_text("old")
    script = ("import os, signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
              "os.fsync = lambda _: os.kill(os.getpid(), signal.SIGINT); "
              f"sys.argv = ['paramcalc', 'count', 'llama-3.1-8b', '--output', {str(path)!r}]; "
              "from paramcalc.cli import start; start()")
    process = subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[1],
                             capture_output=True, text=True, check=False)
    assert (process.returncode, process.stderr, path.read_text(), os.listdir(tmp_path)) == (130, "", "old", ["keep"])


@pytest.mark.parametrize("name", ["", ".", "no/such/folder", "a\0b", "x" * 300, "/dev/full"])
def test_what_cannot_be_written_is_said(name, tmp_path):
    with pytest.raises(UsageError, match="cannot be written"):
        write_atomic(tmp_path / name, "new" * 10_000)
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize(("name", "stem"), [
    ("gpt-2.5_b", "gpt-2.5_b"), ("../../x", "x"), ("..", "model"), ("", "model"), (".x", "x"), ("-o", "o"),
    ("a/b c\0d", "a-b-c-d"), ("größe", "größe"), ("a" * 300, "a" * 100)])
def test_a_name_becomes_part_of_a_file_name(name, stem):
    assert file_stem(name) == stem


def test_the_longest_name_there_is(tmp_path):
    write_atomic(tmp_path / ("x" * 255), "new")
    assert os.listdir(tmp_path) == ["x" * 255]


def _small() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))


@pytest.mark.parametrize("command", [["count", "llama-3.1-8b", "--json", "--output", "keep"],
                                     ["check", "m.yaml", "--write-lock"]])
def test_a_disk_that_is_too_small_costs_no_old_file(command, tmp_path):
    name = "keep" if "keep" in command else "paramcalc.lock"
    spec = next(Path(__file__).parents[1].glob("configs/*/llama-3.1-8b.yaml")).read_text("utf-8")
    (tmp_path / "m.yaml").write_text(spec)
    old = '{"schema": "paramcalc/lock/1", "files": {' + ", ".join(
        f'"m{number}.yaml": {{"total": 1}}' for number in range(100)) + "}}"
    for number in range(100):
        (tmp_path / f"m{number}.yaml").write_text(spec)
    (tmp_path / name).write_text(old)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    process = subprocess.run([sys.executable, "-m", "paramcalc", *command], cwd=tmp_path, env=environment,
                          capture_output=True, text=True, check=False, preexec_fn=_small)
    assert (process.returncode, "cannot be written: file too large" in process.stderr) == (2, True)
    assert (tmp_path / name).read_text() == old
