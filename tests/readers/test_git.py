"""Nothing a stranger's repository says is run: attacks as they come by `git clone` or in an unpacked archive."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from paramcalc.cli.main import run as guarded
from paramcalc.errors import InputError
from paramcalc.readers import git as reader
from tests.checks.small import SPEC
from tests.readers.test_hostile_files import cost

GROWING = SPEC + "expect: {growth: {total: 5}}\n"


def git(folder, *arguments, **more):
    command = ["git", "-C", str(folder), "-c", "user.name=x", "-c", "user.email=x@example.com", *arguments]
    process = subprocess.run(command, check=True, capture_output=True, text=True, **more)
    return process.stdout.strip()


def bare(folder, config, **files):
    """A folder that looks like a git directory and can be committed."""
    for name, text in {"objects/k": "", "refs/k": "", "HEAD": "ref: refs/heads/main\n", "config": config,
                       "m.yaml": GROWING, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def plain(folder, **files):
    """A folder with a specification."""
    for name, text in {"m.yaml": GROWING, **files}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)


@pytest.fixture
def clone(tmp_path):
    """Commit a folder `models` made by a function, and clone the repository as anybody would."""
    def run(make):
        up = tmp_path / "up"
        git(tmp_path, "init", "-q", "-b", "main", "up")
        make(up / "models")
        git(up, "add", "-A")
        git(up, "commit", "-qm", "one")
        git(tmp_path, "clone", "-q", str(up), "clone")
        return tmp_path / "clone"
    return run


def config_of(trap):
    """A configuration that runs `trap` wherever git lets one run anything."""
    return f"""[core]
\trepositoryformatversion = 1
\tbare = {{bare}}
\tfsmonitor = "{trap}; false"
\thooksPath = {{traps}}
\tpager = {trap}
\tsshCommand = {trap}
\tgitProxy = {trap}
\taskPass = {trap}
\teditor = {trap}
\talternateRefsCommand = {trap}
[diff]
\texternal = {trap}
[diff "trap"]
\ttextconv = {trap}
\tcommand = {trap}
[filter "trap"]
\tclean = {trap}
\tsmudge = {trap}
\tprocess = {trap}
\trequired = true
[credential]
\thelper = "!{trap}"
[gpg]
\tprogram = {{traps}}/trap
[log]
\tshowSignature = true
[submodule]
\trecurse = true
[uploadpack]
\tpackObjectsHook = {trap}
[extensions]
\tpartialClone = origin
[remote "origin"]
\turl = "ext::{trap}"
\tuploadpack = {trap}
\tvcs = trap
\tpromisor = true
[protocol]
\tallow = always
[protocol "ext"]
\tallow = always
[alias]
\tls-files = "!{trap}"
\tcat-file = "!{trap}"
\trev-parse = "!{trap}"
"""


HOOKS = ("post-index-change", "reference-transaction", "fsmonitor-watchman", "query-watchman", "trap")


@pytest.fixture
def traps(tmp_path):
    """Programs that leave a trace, and the trace."""
    folder, trace = tmp_path / "traps", tmp_path / "OWNED"
    folder.mkdir()
    for name in HOOKS:
        (folder / name).write_text(f"#!/bin/sh\ntouch {trace}\n")
        (folder / name).chmod(0o755)
    return folder, trace


def ask_everything():
    """Every way git is asked, from the folder above `models`."""
    for command in (["check", "models"], ["check", ".", "--strict"], ["check", "models/m.yaml", "--against", "main"],
                    ["check", "models/m.yaml", "--against", "origin/main"], ["check", "models", "--against", "HEAD"],
                    ["count", "git:HEAD:models/m.yaml"], ["count", "git:origin/main:models/m.yaml"],
                    ["count", "git:HEAD:models/sub"], ["diff", "git:HEAD:models/m.yaml", "models/m.yaml"]):
        assert guarded(command) in (0, 1, 2)


def test_a_committed_folder_that_looks_like_a_repository_runs_no_monitor(clone, monkeypatch, capsys):
    config = '[core]\nrepositoryformatversion = 0\nbare = false\nworktree = .\nfsmonitor = "touch OWNED; false"\n'
    folder = clone(lambda models: bare(models, config))
    monkeypatch.chdir(folder)
    ask_everything()
    assert not list(folder.rglob("OWNED"))


def test_a_committed_folder_that_looks_like_a_partial_clone_fetches_nothing(clone, monkeypatch, capsys):
    config = ('[core]\nrepositoryformatversion = 1\nbare = true\n[extensions]\npartialClone = origin\n'
              '[remote "origin"]\nurl = "ext::sh -c touch% OWNED"\npromisor = true\n[protocol "ext"]\nallow = always\n')
    folder = clone(lambda models: bare(models, config, **{"refs/remotes/origin/main": "1" * 40 + "\n"}))
    monkeypatch.chdir(folder)
    ask_everything()
    assert not list(folder.rglob("OWNED"))


@pytest.mark.parametrize("place", ["config", "config.worktree", "included", "missing objects"])
def test_an_unpacked_archive_with_its_own_configuration_runs_nothing(place, clone, traps, monkeypatch, capsys):
    folder = clone(plain)
    (folder / "models/sub").mkdir()
    monkeypatch.chdir(folder)
    # A signed commit in place of a folder: `git show` would verify it.
    signed = git(folder, "hash-object", "-t", "commit", "-w", "--stdin", input=(
        f"tree {git(folder, 'rev-parse', 'HEAD^{tree}')}\nauthor x <x@x> 0 +0000\ncommitter x <x@x> 0 +0000\n"
        "gpgsig -----BEGIN PGP SIGNATURE-----\n \n iQ==\n -----END PGP SIGNATURE-----\n\nx\n"))
    git(folder, "update-index", "--add", "--cacheinfo", f"160000,{signed},models/sub")
    git(folder, "commit", "-qm", "two")
    if place == "missing objects":
        for stored in (folder / ".git/objects").glob("??/*"):
            stored.unlink()
    config = config_of(f"touch {traps[1]}").replace("{bare}", "false").replace("{traps}", str(traps[0]))
    own = folder / ".git/config"
    if place == "config.worktree":
        own.write_text(own.read_text() + "[extensions]\n\tworktreeConfig = true\n")
        (folder / ".git/config.worktree").write_text(config)
    elif place == "included":
        (folder / ".git/more").write_text(config)
        own.write_text(own.read_text() + f'[includeIf "gitdir:{folder}/"]\n\tpath = more\n[include]\n\tpath = more\n')
    else:
        own.write_text(config)
    (folder / ".gitattributes").write_text("*.yaml diff=trap filter=trap\n")
    ask_everything()
    assert not traps[1].exists()


def test_the_traps_are_real(clone, traps, monkeypatch):
    folder = clone(plain)
    (folder / ".git/config").write_text(config_of(f"touch {traps[1]}").replace("{bare}", "false")
                                        .replace("{traps}", str(traps[0])))
    subprocess.run(["git", "-C", str(folder), "ls-files"], capture_output=True, check=False)  # noqa: S607
    assert traps[1].exists()


def test_a_replaced_object_is_not_what_is_shown(clone, monkeypatch, capsys):
    folder = clone(plain)
    other = git(folder, "hash-object", "-w", "--stdin", input=SPEC.replace("num_layers: 4", "num_layers: 5"))
    git(folder, "replace", git(folder, "rev-parse", "HEAD:models/m.yaml"), other)
    monkeypatch.chdir(folder)
    assert reader.show("HEAD", "models/m.yaml") == GROWING.encode()


def test_a_hooks_variables_do_not_lead_to_another_repository(clone, tmp_path, monkeypatch):
    folder = clone(plain)
    git(tmp_path, "init", "-q", "other")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other/.git"))
    monkeypatch.setenv("GIT_INDEX_FILE", "nowhere")
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "nowhere")
    assert reader.show("HEAD", "models/m.yaml") == GROWING.encode()
    assert Path("models/m.yaml") in (reader.tracked(Path("models")) or [])


@pytest.mark.parametrize("path", ["a\0b", "\ud800", "x" * 5000, "../" * 2000 + "x", ".", "..", "models", ""])
def test_odd_names_are_refused(path, clone, monkeypatch):
    monkeypatch.chdir(clone(plain))
    with pytest.raises(InputError):
        reader.show("HEAD", path)


def test_a_large_file_is_not_read(clone, monkeypatch):
    folder = clone(lambda models: plain(models, **{"big.yaml": "#" * (reader.MAX_BYTES + 1)}))
    monkeypatch.chdir(folder)
    with pytest.raises(InputError, match=r"expected at most 4,194,304 bytes at HEAD, found"):
        reader.show("HEAD", "models/big.yaml")


def test_a_git_that_does_not_answer_is_not_waited_for(tmp_path, monkeypatch):
    slow = tmp_path / "git"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(reader, "SECONDS", 0.2)
    with pytest.raises(InputError, match="did not answer"):
        reader.require("HEAD", tmp_path)
    shutil.rmtree(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="a process can be held to its memory by another on Linux alone")
@pytest.mark.parametrize("name", ["objects/info/alternates", "commondir", "refs/heads/main"])
def test_a_repository_whose_files_never_end_takes_no_memory(name, clone):
    """As an archive can have them: git reads these to their end."""
    folder = clone(plain)
    path = folder / ".git" / name
    path.unlink(missing_ok=True)
    path.symlink_to("/dev/zero")
    assert cost("check", folder / "models", "--against", "main", seconds=4)[0] == 2


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says of a process that it sleeps")
@pytest.mark.parametrize("name", [".git/HEAD", ".git/index", ".git/info/exclude", "models/.gitignore"])
def test_a_pipe_in_place_of_a_file_is_not_waited_for(name, clone, monkeypatch):
    folder = clone(plain)
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    monkeypatch.setattr(reader, "PATIENCE", 0.5)
    monkeypatch.setattr(reader, "SECONDS", 60)
    started = time.monotonic()
    with pytest.raises(InputError, match="git makes no progress"):
        reader._git(folder, "ls-files", "--cached", "--others", "--exclude-standard")
    assert time.monotonic() - started < 20
