"""Write a file so that there is always a whole one: the old content until the new one is complete."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from paramcalc.errors import Problem, UsageError
from paramcalc.sanitize import visible

if TYPE_CHECKING:
    from pathlib import Path

_PREFIX = 40
"""Characters of the name a temporary file repeats: with the rest it stays below the 255 bytes of a file name."""
_STEM = 100
"""Characters of a model's name in a file name."""
_unfinished: set[str] = set()


def write_atomic(path: Path, content: str | bytes) -> None:
    """Replace or create a file with `content` (text as UTF-8); devices and pipes are written to directly.

    The content goes to a new file beside the old one, which takes its place, mode included, once all of it is on
    disk. A symbolic link stays one: the file it names is replaced. Raises UsageError when that fails; the old file
    is then as it was, and nothing is left beside it.
    """
    raw = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    try:
        target = os.path.realpath(path)
        if os.path.exists(target) and not os.path.isfile(target):
            with open(target, "wb") as stream:
                stream.write(raw)
        else:
            _replace(target, raw)
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from error


def make_folder(path: Path) -> None:
    """Create a folder and those above it, where they are not there yet. Raises UsageError where that fails."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from error


def file_stem(name: str) -> str:
    """A model's name as the beginning of a file name, which leads to no other folder and hides no file."""
    return re.sub(r"[^\w.+-]+", "-", name).lstrip(".-")[:_STEM] or "model"


def _unwritable(path: Path, error: OSError | ValueError) -> UsageError:
    """The refusal of a path; a ValueError for a NUL in it."""
    reason = (getattr(error, "strerror", None) or "not a valid file name").lower()
    return UsageError(Problem(f"cannot be written: {reason}", source=visible(str(path), 400)))


def _replace(target: str, raw: bytes) -> None:
    folder, name = os.path.split(target)
    mode = os.stat(target).st_mode & 0o7777 if os.path.exists(target) else None
    if mode is not None and not os.access(target, os.W_OK):
        raise PermissionError(13, "permission denied")  # a rename would not ask
    beside = os.path.join(folder, f".{name[:_PREFIX]}.{os.getpid()}.{os.urandom(4).hex()}.tmp")
    # With O_EXCL neither a file nor a link somebody put there is written through.
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    _unfinished.add(beside)
    try:
        with open(descriptor, "wb") as stream:
            stream.write(raw)
            stream.flush()
            os.fsync(stream.fileno())
        if mode is not None:
            os.chmod(beside, mode)
        os.replace(beside, target)
    except BaseException:
        discard_unfinished()
        raise
    _unfinished.discard(beside)


def discard_unfinished() -> None:
    """Remove what an interrupted write has begun."""
    while _unfinished:
        with suppress(FileNotFoundError):
            os.unlink(_unfinished.pop())
