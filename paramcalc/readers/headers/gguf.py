"""Headers of `*.gguf` files, without the weights: every count is held against the bytes that remain before any loop.

The format: ggml-org/ggml docs/gguf.md, versions 2 and 3, little-endian. The parts of a split file are read together.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Any, BinaryIO

from paramcalc.catalog.formats import format_of_ggml_type
from paramcalc.readers.headers.header import (
    MAX_NAME,
    MAX_TENSORS,
    Findings,
    Header,
    StoredTensor,
    elements,
    named,
    open_regular,
    refuse,
)

if TYPE_CHECKING:
    from pathlib import Path

    from paramcalc.catalog.formats import Format
    from paramcalc.errors import InputError

VERSIONS = (2, 3)
SCALARS: dict[int, str] = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
"""Value type to struct's letter."""
PACKED = {letter: struct.Struct(f"<{letter}") for letter in SCALARS.values()}
STRING, ARRAY = 8, 9
MAX_DIMENSIONS = 4
MAX_PARTS = 999
MAX_VALUES = 4096
"""Entries of an array that are kept; longer ones (vocabularies) are stepped over."""
MAX_STRINGS = 2_000_000
"""That are stepped over; the largest vocabularies have 262,144, with twice as many merges."""
MAX_TEXT = 2**25
"""Bytes of all strings that are kept; a whole tokenizer may be one of them."""
MAX_KEYS = 100_000
DAMAGED = "the file is cut off or damaged"


class Reader:
    """Little-endian values of a file, none of which can ask for more than the file has left."""

    def __init__(self, stream: BinaryIO, size: int, source: str) -> None:
        self.stream = stream
        self.remaining = size
        self.source = source
        self.position = 0
        self.room = MAX_TEXT
        self.strings = MAX_STRINGS

    def error(self, message: str, hint: str = "") -> InputError:
        """A refusal that says where in the file it happened."""
        return refuse(self.source, f"{message} (byte {self.position:,})", hint)

    def take(self, count: int, what: str) -> bytes:
        """The next `count` bytes. Raises InputError where the file holds fewer."""
        self.need(count, what)
        data = self.stream.read(count)
        self.remaining -= count
        self.position += count
        return data

    def need(self, count: int, what: str) -> None:
        """Raise InputError, before reading, for more bytes than the file holds."""
        if count > self.remaining:
            raise self.error(f"{what}: expected {count:,} bytes, found {self.remaining:,}", DAMAGED)

    def skip(self, count: int, what: str) -> None:
        """Step over `count` bytes. Raises InputError where the file holds fewer."""
        self.need(count, what)
        self.stream.seek(count, 1)
        self.remaining -= count
        self.position += count

    def number(self, letter: str, what: str) -> Any:  # noqa: ANN401 - an int, a float or a bool, by the letter
        """One scalar of the type `letter` (as in `struct`). Raises InputError where the file ends before it."""
        packed = PACKED[letter]
        return packed.unpack(self.take(packed.size, what))[0]

    def text(self, what: str) -> str:
        """A string: its length, then UTF-8. Raises InputError where all that is kept is over 32 MiB."""
        length = self.number("Q", what)
        self.need(length, what)
        self.room -= length
        if self.room < 0:
            raise self.error(f"{what}: expected at most {MAX_TEXT:,} bytes of strings in a file, found {length:,} more")
        return self.take(length, what).decode("utf-8", errors="replace")

    def step_over(self, count: int, what: str) -> None:
        """Strings nobody keeps: a vocabulary. Raises InputError for more than a vocabulary has."""
        self.strings -= count
        if self.strings < 0:
            raise self.error(f"{what}: expected at most {MAX_STRINGS:,} strings in a file, found {count:,} more")
        read, seek, remaining = self.stream.read, self.stream.seek, self.remaining
        for _ in range(count):
            length = int.from_bytes(read(8), "little")
            remaining -= 8 + length
            if remaining < 0:
                raise self.error(f"{what}: expected a string of {length:,} bytes, "
                                 f"found {max(0, remaining + length):,}", DAMAGED)
            seek(length, 1)
        self.position += self.remaining - remaining
        self.remaining = remaining

    def name(self, what: str) -> str:
        """A string short enough for a name. Raises InputError for a longer one."""
        length = self.number("Q", what)
        if length > MAX_NAME:
            raise self.error(f"{what}: expected at most {MAX_NAME:,} bytes, found {length:,}")
        return self.take(length, what).decode("utf-8", errors="replace")


def read_gguf(path: Path) -> Header:
    """The header of a file, and of the parts beside it where it is one of several. Raises InputError, naming the key
    or tensor that is wrong."""
    header = _read(path)
    count = header.metadata.get("split.count", 1)
    if type(count) is not int or not 0 <= count <= MAX_PARTS:
        raise refuse(str(path), f"split.count: expected an integer between 0 and {MAX_PARTS:,}, "
                                f"found {named(str(count))}")
    return _joined(path, header, count) if count > 1 else header


def _joined(path: Path, header: Header, count: int) -> Header:
    """All parts as one header, their tensors in the order of the parts; what the first says of the model holds."""
    part = re.fullmatch(r"(.*)-(\d{5})-of-(\d{5})\.gguf", path.name)
    if part is None or int(part[3]) != count:
        raise refuse(str(path), f"expected the name of one of {count:,} parts, found {named(path.name)}",
                     f"parts are read together: name-00001-of-{count:05}.gguf")
    parts = [path.with_name(f"{part[1]}-{number:05}-of-{count:05}.gguf") for number in range(1, count + 1)]
    headers: list[Header] = []
    for each in parts:
        headers.append(header if each == path else _read(each))
        if sum(len(each.tensors) for each in headers) > MAX_TENSORS:
            raise refuse(str(path), f"expected at most {MAX_TENSORS:,} tensors in its parts, found more")
    tensors = [tensor for each in headers for tensor in each.tensors]
    if len({tensor.name for tensor in tensors}) < len(tensors):
        raise refuse(str(path), "a tensor stands in two of its parts")
    expected = header.metadata.get("split.tensors.count")
    if type(expected) is int and expected != len(tensors):
        raise refuse(str(path), f"split.tensors.count: expected {expected:,} tensors in its parts, "
                                f"found {len(tensors):,}")
    return Header(str(path), tuple(tensors), headers[0].metadata)


def _read(path: Path) -> Header:
    """The header of one file."""
    stream, size = open_regular(path)
    with stream:
        reader = Reader(stream, size, str(path))
        version = _start(reader)
        tensor_count, key_count = reader.number("Q", "the tensor count"), reader.number("Q", "the key count")
        _bounded(reader, tensor_count, 28, MAX_TENSORS, "tensors")
        _bounded(reader, key_count, 13, MAX_KEYS, "keys")
        metadata = _metadata(reader, key_count)
        tensors, offsets = _tensors(reader, tensor_count)
        _placed(reader, tensors, offsets, _alignment(reader, metadata), size)
    return Header(str(path), tuple(tensors), metadata | {"gguf.version": version})


def _start(reader: Reader) -> int:
    magic = reader.take(4, "the magic number")
    if magic != b"GGUF":
        raise reader.error(f"expected 'GGUF' at the start, "
                           f"found {named(magic.decode('latin-1'))}", "the file is not GGUF")
    version: int = reader.number("I", "the version")
    if version not in VERSIONS:
        swapped = int.from_bytes(version.to_bytes(4, "little"), "big") in VERSIONS
        raise reader.error(f"expected GGUF version {' or '.join(map(str, VERSIONS))}, found {version:,}",
                           "the file is big-endian" if swapped else "convert it again with a current llama.cpp")
    return version


def _bounded(reader: Reader, count: int, least: int, most: int, what: str) -> None:
    """A count whose smallest entries would not fit into the file, or that no model has, is refused."""
    if count > most or count * least > reader.remaining:
        raise reader.error(f"expected {count:,} {what}, found {reader.remaining:,} bytes for them", DAMAGED)


def _metadata(reader: Reader, count: int) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for _ in range(count):
        key = reader.name("a key")
        if key in values:
            raise reader.error(f"expected each key once, found {named(key)} twice")
        values[key] = _value(reader, reader.number("I", f"the type of {named(key)}"), key)
    return values


def _value(reader: Reader, kind: int, key: str) -> Any:  # noqa: ANN401 - whatever a key holds
    if kind in SCALARS:
        return reader.number(SCALARS[kind], f"the value of {named(key)}")
    if kind == STRING:
        return reader.text(f"the value of {named(key)}")
    if kind == ARRAY:
        return _array(reader, key)
    raise reader.error(f"key {named(key)}: expected a type of 0 to 12, found {kind:,}")


def _array(reader: Reader, key: str) -> list[Any] | None:
    """A short array's values; None for one that is only stepped over."""
    kind, count = reader.number("I", f"the type of {named(key)}"), reader.number("Q", f"the length of {named(key)}")
    what = f"the array {named(key)}"
    if kind == STRING:
        reader.need(8 * count, what)
        if count <= MAX_VALUES:
            return [reader.text(what) for _ in range(count)]
        reader.step_over(count, what)
        return None
    if kind not in SCALARS:
        raise reader.error(f"{what}: expected scalars or strings, found type {kind:,}",
                           "arrays of arrays are not read" if kind == ARRAY else "")
    letter = SCALARS[kind]
    size = struct.calcsize(f"<{letter}")
    if count > MAX_VALUES:
        reader.skip(count * size, what)
        return None
    return list(struct.unpack(f"<{count}{letter}", reader.take(count * size, what)))


def _tensors(reader: Reader, count: int) -> tuple[list[StoredTensor], list[int]]:
    tensors, offsets = [], []
    names: set[str] = set()
    alike: dict[tuple[tuple[int, ...], int], StoredTensor] = {}
    for _ in range(count):
        name = reader.name("a tensor's name")
        if name in names:
            raise reader.error(f"expected each tensor once, found {named(name)} twice")
        names.add(name)
        shape = _shape(reader, name)
        number = reader.number("I", "a tensor's type")
        if (shape, number) not in alike:
            alike[shape, number] = _stored(reader, name, shape, number)
        tensors.append(alike[shape, number]._replace(name=name))
        offsets.append(reader.number("Q", "a tensor's offset"))
    return tensors, offsets


def _stored(reader: Reader, name: str, shape: tuple[int, ...], number: int) -> StoredTensor:
    kind = format_of_ggml_type(number)
    if kind is None:
        raise reader.error(f"tensor {named(name)}: expected a ggml type that `paramcalc list formats` shows, "
                           f"found {number:,}")
    return StoredTensor(name, shape, kind.name, _size(reader, name, shape, kind))


def _shape(reader: Reader, name: str) -> tuple[int, ...]:
    """Outermost first, as everywhere here; the file has the row first."""
    dimensions = reader.number("I", "a tensor's dimensions")
    if dimensions > MAX_DIMENSIONS:
        raise reader.error(f"tensor {named(name)}: expected at most {MAX_DIMENSIONS} dimensions, found {dimensions:,}")
    return struct.unpack(f"<{dimensions}Q", reader.take(8 * dimensions, "a tensor's shape"))[::-1]


def _size(reader: Reader, name: str, shape: tuple[int, ...], kind: Format) -> int:
    if elements(shape) is None:
        raise reader.error(f"tensor {named(name)}: expected a shape that a file can hold, found {shape}")
    if not kind.fits(shape):
        raise reader.error(f"tensor {named(name)}: expected rows of a multiple of {kind.block} values in {kind.name}, "
                           f"found "
                           f"{shape[-1] if shape else 1:,}")
    return kind.bytes_of(shape)


def _alignment(reader: Reader, metadata: dict[str, Any]) -> int:
    alignment = metadata.get("general.alignment", 32)
    if type(alignment) is not int or not 0 < alignment <= 2**20 or alignment & (alignment - 1):
        raise reader.error(f"general.alignment: expected a power of two, found {named(str(alignment))}")
    return alignment


def _placed(reader: Reader, tensors: list[StoredTensor], offsets: list[int], alignment: int, size: int) -> None:
    """Each tensor starts where the one before ends, rounded up, and all end within the file."""
    findings = Findings(reader.source)
    start = -(-reader.position // alignment) * alignment
    expected = 0
    for tensor, offset in zip(tensors, offsets, strict=True):
        if offset != expected:
            findings.add(f"tensor {named(tensor.name)}: starts at {offset:,}, expected {expected:,}",
                         "values overlap, or bytes between tensors belong to none")
        expected = offset + -(-tensor.bytes // alignment) * alignment
        if start + offset + tensor.bytes > size:
            end = start + offset + tensor.bytes
            findings.add(f"tensor {named(tensor.name)}: ends at byte {end:,}, but the file has {size:,}", DAMAGED)
    findings.raise_any()
