"""What the YAML and the JSON reader share: limits, decoding, places, and the list of what was found wrong."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from paramcalc.errors import InputError, Problem
from paramcalc.sanitize import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 32
MAX_NODES = 100_000
MAX_DIGITS = 30
MAX_STRING = 10_000
MAX_PROBLEMS = 50
"""Beyond these nobody reads on, and a hostile file could make the report itself too large."""

Path: TypeAlias = tuple[str | int, ...]
_MARKS = ((b"\xff\xfe\0\0", "UTF-32"), (b"\0\0\xfe\xff", "UTF-32"), (b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16"))
_POINTER = b"version https://git-lfs.github.com/spec/"
POINTER_BYTES = len(_POINTER)
POINTER, PULL = "is a Git LFS pointer, not the file it stands for", "git lfs pull"
_UNUSABLE = re.compile("[\0\ud800-\udfff]")


class Mark(NamedTuple):
    """Where a key, an item or the root stands, 1-based; and the marks of what it holds."""

    line: int = 0
    column: int = 0
    children: Mapping[str | int, Mark] = MappingProxyType({})


class Findings:
    """The problems of one text. `add` raises InputError once there are too many to be worth listing."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.problems: list[Problem] = []

    def add(self, message: str, at: tuple[int, int], path: Path = (), hint: str = "") -> None:
        """Note one problem at a line and column."""
        self.problems.append(Problem(message, printable(path), hint, visible(self.source, 400), *at))
        if len(self.problems) >= MAX_PROBLEMS:
            self.refuse()

    def refuse(self) -> None:
        """Raise InputError with all that was noted; return if nothing was."""
        if self.problems:
            raise InputError(*self.problems)


def printable(path: Path) -> Path:
    """Return the path with unprintable or very long keys made fit to print."""
    return tuple(visible(part) if isinstance(part, str) else part for part in path)


def other_encoding(raw: bytes) -> str:
    """UTF-16 or UTF-32, where the first bytes are its byte order mark; else empty."""
    return next((name for mark, name in _MARKS if raw.startswith(mark)), "")


def is_pointer(raw: bytes) -> bool:
    """Whether a file is what git checks out in place of one that Git LFS keeps."""
    return raw.startswith(_POINTER)


def decode(text: str | bytes, source: str) -> str:
    """Return text without a byte order mark. Raises InputError if it is too large or not UTF-8."""
    findings = Findings(source)
    if len(text) > MAX_BYTES:
        raise too_large(source, MAX_BYTES)
    if isinstance(text, bytes):
        if is_pointer(text):
            raise InputError(Problem(POINTER, (), PULL, visible(source, 400)))
        try:
            return text.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            start = error.start
            before = text[:start].decode("utf-8", "replace")
            other = other_encoding(text)
            hint = "save it as UTF-8" + (f": it looks like {other}" if other else "")
            findings.add(f"expected UTF-8 text, "
                         f"found byte 0x{text[start]:02x}", line_column(before, len(before)), (), hint)
    elif not text.isascii() and (bad := _UNUSABLE.search(text)):
        where = line_column(text, bad.start())
        findings.add(f"expected Unicode text, found the lone surrogate {visible(bad.group())}", where)
    findings.refuse()
    return str(text).removeprefix("\ufeff")


def too_large(source: str, limit: int) -> InputError:
    """Return the refusal of what is longer than `limit` bytes."""
    size = f"{limit // 2**20} MiB" if limit >= 2**20 else f"{limit:,} bytes"
    return InputError(Problem(f"expected at most {size}, "
                              f"found more", (), "is this the right file?", visible(source, 400)))


def string_fault(text: str) -> str:
    """Return what makes a string unfit for use: its length, NUL or half a surrogate pair; empty if nothing does."""
    if len(text) > MAX_STRING:
        return f"expected at most {MAX_STRING:,} characters in a string, found {len(text):,}"
    if bad := _UNUSABLE.search(text):
        return f"expected text in a string, found the character {visible(bad.group())}"
    return ""


def line_column(text: str, offset: int) -> tuple[int, int]:
    """Return the 1-based line and column of an offset; lines end with a line feed."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def not_a_mapping(value: object, *, empty: bool = False) -> str:
    """Return the message for a root that is no mapping."""
    names = {str: "a string", bool: "a boolean", int: "a number", float: "a number", list: "a list", type(None): "null"}
    return f"expected a mapping, found {'nothing' if empty else names.get(type(value), 'something else')}"
