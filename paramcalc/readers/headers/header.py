"""What a checkpoint's header says of its tensors, and the bounds every header is read within.

We read headers ourselves: the `safetensors` package needs a tensor library to open a file and accepts duplicate keys;
the `gguf` package needs numpy and has no bound on what a header may ask for.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from paramcalc.errors import InputError, Problem
from paramcalc.readers.files import need_within
from paramcalc.readers.headers.names import collapsed
from paramcalc.readers.text.limits import POINTER, POINTER_BYTES, PULL, is_pointer
from paramcalc.sanitize import quote, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

MAX_HEADER = 100_000_000
"""Bytes; what the reference implementation of safetensors accepts."""
MAX_TENSORS = 250_000
"""The largest checkpoints have 207,360."""
MAX_NAME = 1_000
MAX_ELEMENTS = 2**62
MAX_PROBLEMS = 20


class StoredTensor(NamedTuple):
    """A tensor as a file holds it."""

    name: str
    shape: tuple[int, ...]
    format: str
    """A number format of ours."""
    bytes: int


class Header(NamedTuple):
    """All tensors of a checkpoint, and what else its header says."""

    source: str
    tensors: tuple[StoredTensor, ...]
    metadata: dict[str, Any]
    values: dict[str, bytes] = {}  # noqa: RUF012 - shared and never changed
    """What small tensors hold that say how others are packed."""


class Findings:
    """Problems of one file, collected until there are enough of them."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.problems: list[Problem] = []

    def add(self, message: str, hint: str = "") -> None:
        """Note a problem; raise all when there are many."""
        self.problems.append(Problem(message, hint=hint, source=self.source))
        if len(self.problems) >= MAX_PROBLEMS:
            self.raise_any()

    def raise_any(self) -> None:
        """Raise InputError if anything was found."""
        if self.problems:
            raise InputError(*self.problems)


def refuse(source: str, message: str, hint: str = "") -> InputError:
    """One problem of a file."""
    return InputError(Problem(message, hint=hint, source=source))


def open_regular(path: Path) -> tuple[BinaryIO, int]:
    """A regular file and its size in bytes. Raises InputError for anything that could block or never end."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    try:
        need_within(path)
        if not stat.S_ISREG(path.stat().st_mode):
            raise refuse(str(path), "is not a regular file")
        stream = os.fdopen(os.open(path, flags), "rb")
    except FileNotFoundError:
        raise refuse(str(path), "no such file") from None
    except OSError as error:
        raise refuse(str(path), f"cannot be read: {(error.strerror or 'unknown error').lower()}") from None
    except ValueError:  # a NUL or half a surrogate pair
        raise refuse(visible(str(path), 400), "is not a valid file name") from None
    if is_pointer(stream.read(POINTER_BYTES)):
        stream.close()
        raise refuse(str(path), POINTER, PULL)
    stream.seek(0)
    return stream, os.fstat(stream.fileno()).st_size


def elements(shape: tuple[int, ...]) -> int | None:
    """Values of a shape: the product of its dimensions; None as soon as it is beyond any file."""
    product = 1
    for size in shape:
        product *= size
        if product > MAX_ELEMENTS:
            return None
    return product


def tell_layers(tensors: Iterable[StoredTensor]) -> Iterator[tuple[str, StoredTensor]]:
    """Each tensor with its name, every number between dots replaced by `*`."""
    for tensor in tensors:
        yield collapsed(tensor.name), tensor


def named(name: str) -> str:
    """A tensor's name as errors print it."""
    return quote(name)
