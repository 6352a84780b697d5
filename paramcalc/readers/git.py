"""A file as a git revision has it: `git:REV:path`. Git is asked; nothing a repository's configuration names is run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.errors import InputError, Problem, UsageError
from paramcalc.readers.text.limits import MAX_BYTES
from paramcalc.sanitize import quote, visible

if TYPE_CHECKING:
    from threading import Event

PREFIX = "git:"
REVISION = re.compile(r"[\w./~^@{}-]{1,200}")
LISTING = 128 * 2**20
"""Bytes of the names of a repository's files."""
SECONDS = 20
LOOK, PATIENCE = 0.1, 2.0
"""Seconds between two looks at git, and those it may sleep without a disk to wait for."""
MEMORY = 2**28
"""Bytes of its own that git may take, pack files and the index apart: it reads some files of a repository to their end,
and a link to a device has none."""

_SETTINGS = {
    "safe.bareRepository": "explicit",  # a committed folder that looks like a git directory is none
    "core.fsmonitor": "",  # ls-files would run it
    "core.hooksPath": os.devnull,
    "core.untrackedCache": "false",  # it could hide files
    "core.excludesFile": os.devnull,
    "core.attributesFile": os.devnull,
    "core.pager": "cat",
    "log.showSignature": "false",  # would run gpg.program
    "submodule.recurse": "false",  # a child would lose these settings
    "protocol.allow": "never",
    "credential.helper": "",
}
"""Settings of the command line, which win over those of a repository, whatever it includes."""
_ENVIRONMENT = {
    "GIT_ALLOW_PROTOCOL": "",  # none: no transport, whatever protocol.*.allow says
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_PAGER": "cat",
    "LC_ALL": "C",
}
_TRUSTED = ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_CEILING_DIRECTORIES",
            "GIT_DISCOVERY_ACROSS_FILESYSTEM", "GIT_EXEC_PATH")
"""Variables of git the user's environment keeps; a hook's GIT_DIR or GIT_INDEX_FILE would lead to another repository.

The user's and the system's own configuration are trusted: `safe.directory` stands there.
"""


class _Answer(NamedTuple):
    code: int
    output: bytes
    complete: bool
    """Whether it is all git had to say; more than the limit is not read."""
    error: str
    """The last line git said about a failure."""


def split(argument: str) -> tuple[str, str]:
    """`git:REV:path` as revision and path. Raises UsageError."""
    revision, colon, path = argument.removeprefix(PREFIX).partition(":")
    if not colon or not path:
        raise UsageError(Problem(f"expected git:REVISION:path, found {quote(argument)}"))
    return checked(revision), path


def show(revision: str, path: str) -> bytes:
    """The content of a file at a revision, relative to the working folder. Raises InputError, UsageError.

    It is read with `cat-file`, which knows neither filters nor text conversion, and never shows a commit.
    """
    folder, name = Path(path).parent, f"{checked(revision)}:./{Path(path).name}"
    size = _git(folder, "cat-file", "-s", name)
    if size.code:
        raise InputError(Problem(f"git has no {visible(path, 400)} at {revision}: {size.error or 'no answer'}"))
    if int(size.output) > MAX_BYTES:
        raise InputError(Problem(f"expected at most {MAX_BYTES:,} bytes at {revision}, "
                                 f"found {int(size.output):,}", source=visible(path, 400)))
    content = _git(folder, "cat-file", "blob", name)
    if content.code or not content.complete:
        raise InputError(Problem(f"git has no file {visible(path, 400)} at {revision}: {content.error or 'no answer'}"))
    return content.output


def blobs(revision: str, folder: Path) -> dict[Path, str]:
    """Files a revision has below a folder, each with the name git gives its content. Raises InputError, UsageError."""
    answer = _git(folder, "ls-tree", "-r", "-z", checked(revision), limit=LISTING)
    if answer.code or not answer.complete:
        raise InputError(Problem(f"git cannot list the files at {revision}: {answer.error or 'too many'}"))
    entries = (line.partition("\t") for line in os.fsdecode(answer.output).split("\0") if line)
    return {folder / name: kind.rpartition(" ")[2] for kind, _, name in entries if " blob " in kind}


def require(revision: str, folder: Path) -> None:
    """Nothing, if the repository of a folder has the revision. Raises InputError, UsageError."""
    answer = _git(folder, "rev-parse", "--quiet", "--verify", f"{checked(revision)}^{{commit}}")
    if answer.code:
        why = f": {answer.error}" if answer.error else ""
        hint = "" if why else "a shallow clone has too little history: git fetch --unshallow, or fetch-depth: 0"
        raise InputError(Problem(f"git has no revision {revision} here{why}", hint=hint))


def tracked(folder: Path) -> list[Path] | None:
    """Files git tracks or would track below a folder, ignored ones left out; None outside a repository."""
    try:
        answer = _git(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard", limit=LISTING)
    except InputError:
        return None
    if answer.code or not answer.complete:
        return None
    return [folder / name for name in sorted(set(os.fsdecode(answer.output).split("\0"))) if name]


def checked(revision: str) -> str:
    """The revision, if git could not take it for anything else. Raises UsageError."""
    if not REVISION.fullmatch(revision) or revision.startswith("-"):
        raise UsageError(Problem(f"expected a revision, "
                                 f"found {quote(revision)}", hint="give a branch, a tag or a commit"))
    return revision


def _git(folder: Path, *arguments: str, limit: int = MAX_BYTES) -> _Answer:
    """The one way git is called. Raises InputError where it is not there or does not answer."""
    settings = [word for key, value in _SETTINGS.items() for word in ("-c", f"{key}={value}")]
    command = ["git", "--no-pager", *settings, "-C", str(folder), *arguments]
    try:
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,  # noqa: S603 - no shell
                              stderr=subprocess.PIPE, env=_environment()) as process:
            _hold_to_memory(process.pid)
            return _answer(process, limit)
    except FileNotFoundError:
        raise InputError(Problem("git is not installed")) from None
    except TimeoutError as error:
        raise InputError(Problem(str(error))) from None
    except (OSError, ValueError) as error:  # a NUL or a lone surrogate in a name
        reason = getattr(error, "strerror", None) or "not a valid file name"
        raise InputError(Problem(f"git cannot be run: {reason.lower()}", source=visible(str(folder), 400))) from None


def _hold_to_memory(process: int) -> None:
    """Let a process that has just begun have so much memory, where the system can be told so."""
    if sys.platform == "linux":
        from contextlib import suppress
        from resource import RLIMIT_DATA, prlimit

        with suppress(OSError, ValueError):  # it has ended, or is held to less already
            prlimit(process, RLIMIT_DATA, (MEMORY, MEMORY))


def _environment() -> dict[str, str]:
    variables = {key: value for key, value in os.environ.items() if not key.startswith("GIT_") or key in _TRUSTED}
    return variables | _ENVIRONMENT


def _answer(process: subprocess.Popen[bytes], limit: int) -> _Answer:
    """What git says within the time and the limit; it is ended where it would say more. Raises TimeoutError."""
    from threading import Event, Thread

    ended, reasons = Event(), list[str]()

    def watch() -> None:
        if why := _timeout_reason(process.pid, ended):
            reasons.append(why)
            process.kill()

    Thread(target=watch, daemon=True).start()
    try:
        output = process.stdout.read(limit + 1) if process.stdout else b""
        if len(output) > limit:
            process.kill()
        stderr = process.stderr.read(MAX_BYTES) if process.stderr else b""
        code = process.wait()
    finally:
        ended.set()
        process.kill()
    if reasons:
        raise TimeoutError(reasons[0])
    lines = stderr.decode(errors="replace").strip().splitlines()
    return _Answer(code, output[:limit], len(output) <= limit, visible(lines[-1], 200) if lines else "")


def _timeout_reason(process: int, ended: Event) -> str:
    """Why git is waited for no longer; empty where it is done in time.

    A pipe in place of a file of the repository or of a .gitignore makes git wait for whoever would write into it.
    """
    asleep, before = 0.0, ""
    for _ in range(int(SECONDS / LOOK)):
        if ended.wait(LOOK):
            return ""
        now = _time_of_sleeper(process)
        asleep = asleep + LOOK if now and now == before else 0.0
        before = now
        if asleep >= PATIENCE:
            return "git makes no progress: is a file of the repository a named pipe?"
    return f"git did not answer within {SECONDS} seconds"


def _time_of_sleeper(process: int) -> str:
    """The processor time of a process that sleeps, waiting for no disk; empty of any other, and where the system does
    not say it."""
    try:
        words = Path(f"/proc/{process}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return " ".join(words[11:13]) if words[:1] == ["S"] else ""
