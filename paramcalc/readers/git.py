"""A file as a git revision has it: `git:REV:path`. Git is asked, nothing of the repository is run."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from paramcalc.errors import InputError, Problem, UsageError

PREFIX = "git:"
REVISION = re.compile(r"[\w./~^@{}-]{1,200}")
LIMIT = 4 * 2**20
SECONDS = 20


def split(argument: str) -> tuple[str, str]:
    """`git:REV:path` as revision and path. Raises UsageError."""
    revision, colon, path = argument.removeprefix(PREFIX).partition(":")
    if not colon or not path:
        raise UsageError(Problem(f"{argument[:100]!r} is not git:REVISION:path"))
    return checked(revision), path


def show(revision: str, path: str) -> bytes:
    """The content of a file at a revision, relative to the working folder. Raises InputError, UsageError."""
    folder, name = Path(path).parent, Path(path).name
    done = _git(folder, "show", f"{checked(revision)}:./{name}")
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise InputError(Problem(f"git has no {path} at {revision}: {said[-1][:200] if said else 'no answer'}"))
    if len(done.stdout) > LIMIT:
        raise InputError(Problem(f"is larger than {LIMIT:,} bytes at {revision}", source=path))
    return done.stdout


def require(revision: str, folder: Path) -> None:
    """Nothing, if the repository of a folder has the revision. Raises InputError, UsageError."""
    done = _git(folder, "rev-parse", "--quiet", "--verify", f"{checked(revision)}^{{commit}}")
    if done.returncode:
        raise InputError(Problem(f"git has no revision {revision} here", hint="a shallow clone has too little history: "
                                 "git fetch --unshallow, or fetch-depth: 0"))


def tracked(folder: Path) -> list[Path] | None:
    """Files git tracks or would track below a folder, ignored ones left out; None outside a repository."""
    try:
        done = _git(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    except InputError:
        return None
    if done.returncode:
        return None
    names = done.stdout.decode(errors="surrogateescape").split("\0")
    return [folder / name for name in sorted(set(names)) if name]


def checked(revision: str) -> str:
    """The revision, if git could not take it for anything else. Raises UsageError."""
    if not REVISION.fullmatch(revision) or revision.startswith("-"):
        raise UsageError(Problem(f"{revision[:100]!r} is not a revision", hint="a branch, a tag or a commit"))
    return revision


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(  # noqa: S603 - no shell, and the revision is checked
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - the user's own git
            capture_output=True, check=False, timeout=SECONDS,
        )
    except FileNotFoundError:
        raise InputError(Problem("git is not installed")) from None
    except subprocess.TimeoutExpired:
        raise InputError(Problem(f"git did not answer within {SECONDS} seconds")) from None
