"""Read bytes from a path or a stream: bounded, never waiting for a pipe, with plain words when it fails."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NoReturn

from paramcalc.errors import InputError, Problem
from paramcalc.readers.text.limits import MAX_BYTES, too_large
from paramcalc.sanitize import quote, visible

if TYPE_CHECKING:
    from collections.abc import Iterator

# A pipe opened without O_NONBLOCK waits for a writer, which may never come.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}
_MAX_SIBLINGS = 2_000
_LIMIT: ContextVar[Path | None] = ContextVar("_LIMIT", default=None)
DANGLING, POINT = "is a broken link", "point it at a file, or remove it"


@contextmanager
def reading_below(folder: Path) -> Iterator[None]:
    """While it is entered, files of users are read below a folder only, links that lead out of it not followed."""
    token = _LIMIT.set(folder.resolve())
    try:
        yield
    finally:
        _LIMIT.reset(token)


def need_within(path: Path) -> None:
    """Every function that opens a user's file asks this first. Raises OSError for one outside of `reading_below`."""
    limit = _LIMIT.get()
    if limit is not None and not path.resolve().is_relative_to(limit):
        raise OSError(None, "it lies outside the folder that may be read")


def folders_up(start: Path) -> tuple[Path, ...]:
    """A resolved folder and those above it, the nearest first, as far up as files may be read."""
    limit = _LIMIT.get()
    return tuple(folder for folder in (start, *start.parents) if limit is None or folder.is_relative_to(limit))


def read_file(path: Path, limit: int = MAX_BYTES) -> bytes:
    """Return what a regular file holds, at most `limit` bytes. Raises InputError; a pipe or device never blocks it."""
    try:
        need_within(path)
        _only_regular(path, path.stat())  # before opening: to open a device can already have an effect
        with open(os.open(path, _FLAGS), "rb", buffering=0) as stream:
            _only_regular(path, os.fstat(stream.fileno()))
            return read_stream(stream, limit, str(path))
    except FileNotFoundError:
        if path.is_symlink():
            _refuse(path, DANGLING, POINT)
        _refuse(path, "no such file", _nearest(path))
    except PermissionError:
        _refuse(path, "permission denied")
    except OSError as error:
        _refuse(path, f"cannot be read: {(error.strerror or 'unknown error').lower()}")
    except ValueError:  # a NUL in the name
        _refuse(path, "not a valid file name")


def read_stream(stream: BinaryIO, limit: int = MAX_BYTES, source: str = "<stdin>") -> bytes:
    """Return all of a binary stream. Raises InputError if it holds more than `limit` bytes; reads at most one more."""
    parts: list[bytes] = []
    size = 0
    while part := stream.read(min(1 << 20, limit + 1 - size)):
        parts.append(part)
        size += len(part)
        if size > limit:
            raise too_large(source, limit)
    return b"".join(parts)


def _only_regular(path: Path, status: os.stat_result) -> None:
    kind = stat.S_IFMT(status.st_mode)
    if kind != stat.S_IFREG:
        inside = path / "config.json"
        hint = f"give the file in it: {visible(str(inside), 400)}" if os.path.isfile(inside) else ""
        _refuse(path, f"is {_KINDS.get(kind, 'a special file')}, not a file", hint)


def _nearest(path: Path) -> str:
    if not os.path.isdir(path.parent):
        return f"there is no directory {quote(str(path.parent))}"
    try:
        with os.scandir(path.parent) as entries:
            names = [entry.name for entry in islice(entries, _MAX_SIBLINGS)]
    except OSError:
        return ""
    from difflib import get_close_matches

    near = get_close_matches(path.name, names, n=3)
    return f"did you mean {' or '.join(map(quote, near))}?" if near else ""


def _refuse(path: Path, message: str, hint: str = "") -> NoReturn:
    raise InputError(Problem(message, (), hint, visible(str(path), 400)))
