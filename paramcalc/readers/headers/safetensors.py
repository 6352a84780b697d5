"""Headers of `*.safetensors` files and of their index, without the weights.

The format: eight bytes with the header's length, the header as JSON (name to dtype, shape and offsets), the values.
Checked as the reference implementation does (safetensors `tensor.rs`): length, bounds, UTF-8, JSON, each tensor, no gap
or overlap, the last byte is the file's; and beyond it: duplicate keys are refused.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, TypeGuard

from paramcalc.catalog.formats import find_format
from paramcalc.errors import InputError
from paramcalc.readers.headers.header import (
    MAX_HEADER,
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
from paramcalc.readers.headers.packing import MOST_SMALL, SMALL
from paramcalc.readers.text.limits import string_fault
from paramcalc.readers.text.values import described, expected

DTYPES = {
    "F64": "fp64", "F32": "fp32", "F16": "fp16", "BF16": "bf16", "F8_E4M3": "fp8_e4m3", "F8_E5M2": "fp8_e5m2",
    "F8_E8M0": "fp8_e8m0", "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8", "U8": "uint8", "BOOL": "bool",
    "F4": "fp4", "U16": "int16", "U32": "int32", "U64": "int64",
}
"""The format's word to ours; unsigned numbers take as many bytes as signed ones."""
MAX_SHARDS = 10_000
MAX_DIMENSIONS = 32
MOST = {b'"data_offsets"': MAX_TENSORS, b"{": MAX_TENSORS + 50_000, b"[": 2 * MAX_TENSORS + 50_000,
        b",": 12 * MAX_TENSORS}
"""Marks of JSON in a header: an object with offsets and two lists a tensor, and what metadata may have of them."""


def read_safetensors(path: Path) -> Header:
    """The header of one file. Raises InputError, naming each tensor that is wrong."""
    stream, size = open_regular(path)
    with stream:
        first = stream.read(8)
        if len(first) < 8:
            raise refuse(str(path), f"expected a header of at least 8 bytes, "
                                    f"found a file of {size:,}", "the first 8 bytes give the header's length")
        length = int.from_bytes(first, "little")
        if length > MAX_HEADER:
            raise refuse(str(path), f"expected a header of at most {MAX_HEADER:,} bytes, found one of {length:,}")
        if 8 + length > size:
            raise refuse(str(path), f"expected a header of {length:,} bytes, found a file of {size:,}",
                         "the file is cut off, or is not safetensors")
        data = parse(stream.read(length), str(path))
        header = interpret(data, str(path), size - 8 - length)
        return header._replace(values=_values(stream, 8 + length, data, header.tensors))


def parse(raw: bytes, source: str) -> dict[str, Any]:
    """A header's JSON object. Raises InputError for anything else, duplicate keys included."""
    if raw[:1] != b"{":
        raise refuse(source, f"expected '{{' at the start of the header, "
                             f"found {named(raw[:1].decode('latin-1'))}", "the file is not safetensors")
    for mark, most in MOST.items():  # what each makes costs far more than its byte
        if len(raw) > most and (count := raw.count(mark)) > most:
            raise refuse(source, f"expected at most {most:,} of {mark.decode()!r} in the header, found {count:,}",
                         f"that of {MAX_TENSORS:,} tensors has fewer")
    try:
        data = _unique_json(raw)
    except UnicodeDecodeError as error:
        raise refuse(source, f"expected UTF-8 in the header, "
                             f"found byte 0x{raw[error.start]:02x} at {error.start:,}") from None
    except RecursionError:
        raise refuse(source, "expected a header of mappings of lists, "
                             "found one nested more deeply than can be read") from None
    except (ValueError, InputError) as error:
        raise refuse(source, f"the header is not JSON: {str(error)[:200]}") from None
    if type(data) is not dict:
        raise refuse(source, f"expected a mapping as the header, found {described(data)}")
    if b"\\u" in raw and (fault := next(filter(None, map(string_fault, data)), "")):  # what `\ud800` says is no text
        raise refuse(source, f"a tensor's name: {fault}")
    return data


def _unique_json(raw: bytes) -> object:
    """JSON whose keys are all different. Raises ValueError where they are not, or where it is no JSON.

    Asking each object for its keys takes half the time of parsing. A file with as many colons as there are keys in what
    it was parsed to has lost no key that stands twice; any other, such as one with a colon in a name, is asked.
    """
    text = raw.decode("utf-8")
    data = json.loads(text, parse_constant=_no_constant)
    if type(data) is dict:
        keys = len(data) + sum(len(value) for value in data.values() if type(value) is dict)
        if keys == raw.count(b":"):
            return data
    del data
    return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)


def interpret(data: dict[str, Any], source: str, size: int) -> Header:
    """Tensors of a header whose values take `size` bytes. Raises InputError with everything that is wrong with it."""
    metadata = data.pop("__metadata__", {})
    findings = Findings(source)
    if type(metadata) is not dict or not all(type(value) is str for value in metadata.values()):
        findings.add("__metadata__: expected a mapping of strings, found other values")
        metadata = {}
    if len(data) > MAX_TENSORS:
        raise refuse(source, f"expected at most {MAX_TENSORS:,} tensors, found {len(data):,}")
    tensors, spans = [], []
    for name, entry in data.items():
        try:
            tensor, start, end = _tensor(name, entry)
        except _WrongError as wrong:
            findings.add(f"tensor {named(name)}: {wrong}", wrong.hint)
        else:
            tensors.append(tensor)
            spans.append((start, end, name))
    findings.raise_any()
    _contiguous(sorted(spans), size, findings)
    findings.raise_any()
    return Header(source, tuple(tensors), metadata)


def _values(stream: BinaryIO, begin: int, data: dict[str, Any], tensors: tuple[StoredTensor, ...]) -> dict[str, bytes]:
    """The values of small tensors that say shapes. Every offset has been found to lie within the file."""
    values: dict[str, bytes] = {}
    for tensor in tensors:
        if tensor.bytes <= MOST_SMALL and SMALL.search(tensor.name):
            stream.seek(begin + data[tensor.name]["data_offsets"][0])
            values[tensor.name] = stream.read(tensor.bytes)
    return values


class _WrongError(Exception):
    """What is wrong with one tensor, and a remedy."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def _tensor(name: str, entry: object) -> tuple[StoredTensor, int, int]:
    """A tensor, and where its values begin and end. Raises _WrongError."""
    if len(name) > MAX_NAME:
        raise _WrongError(f"expected a name of at most {MAX_NAME:,} characters, found {len(name):,}")
    if type(entry) is not dict:
        raise _WrongError(expected("a mapping of dtype, shape and data_offsets", entry))
    dtype, shape, span = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
    if type(dtype) is not str or dtype not in DTYPES:
        raise _WrongError(f"dtype: expected a type of safetensors, "
                          f"found {named(str(dtype))}", f"known: {', '.join(DTYPES)}")
    if not _are_sizes(shape) or len(shape) > MAX_DIMENSIONS:
        raise _WrongError(f"shape: expected a list of at most {MAX_DIMENSIONS} integers, found {named(str(shape))}")
    if not _are_sizes(span) or len(span) != 2:
        raise _WrongError(f"data_offsets: expected two integers, found {named(str(span))}")
    sizes = tuple(shape)
    bits = _bits(dtype, sizes)
    if bits is None:
        raise _WrongError(f"shape: expected one that a file can hold, found {named(str(shape))}")
    start, end = span
    if 8 * (end - start) != bits:
        raise _WrongError(f"data_offsets: expected {bits:,} bits for {dtype} of shape {shape}, "
                          f"found {8 * (end - start):,}")
    return StoredTensor(name, sizes, DTYPES[dtype], end - start), start, end


def _are_sizes(value: object) -> TypeGuard[list[int]]:
    return type(value) is list and not [item for item in value if type(item) is not int or item < 0]


@lru_cache(maxsize=4096)
def _bits(dtype: str, sizes: tuple[int, ...]) -> int | None:
    """Bits of the values of a shape, of which a file has few; None for more than any file holds."""
    count = elements(sizes)
    return None if count is None else find_format(DTYPES[dtype]).bits * count


def _contiguous(spans: list[tuple[int, int, str]], size: int, findings: Findings) -> None:
    """Values follow each other from the first byte to the last, so that nothing is hidden or shared."""
    position = 0
    for start, end, name in spans:
        if start != position:
            findings.add(f"tensor {named(name)}: expected to start at byte {position:,}, found {start:,}",
                         "values overlap" if start < position else "bytes between tensors belong to none")
        position = max(position, end)
    if position != size:
        findings.add(f"expected {position:,} bytes of values, found {size:,}")


def read_index(path: Path) -> Header:
    """All shards an index names, as one header. Raises InputError: a finding for each thing that does not fit."""
    stream, size = open_regular(path)
    with stream:
        if size > MAX_HEADER:
            raise refuse(str(path), f"expected at most {MAX_HEADER:,} bytes, found {size:,}")
        data = parse(stream.read(MAX_HEADER), str(path))
    weight_map = data.get("weight_map")
    if type(weight_map) is not dict or not all(type(shard) is str for shard in weight_map.values()):
        raise refuse(str(path), f"weight_map: {expected('a mapping of tensor names to file names', weight_map)}")
    shards = sorted(set(weight_map.values()))
    if len(shards) > MAX_SHARDS:
        raise refuse(str(path), f"weight_map: expected at most {MAX_SHARDS:,} shards, found {len(shards):,}")
    findings = Findings(str(path))
    for shard in shards:
        if shard != Path(shard).name or "\\" in shard or not shard.endswith(".safetensors"):
            findings.add(f"weight_map: expected the name of a .safetensors file beside the index, found {named(shard)}")
    findings.raise_any()
    return _joined(path, data, weight_map, shards, findings)


def _joined(path: Path, data: dict[str, Any], weight_map: dict[str, str], shards: list[str],
            findings: Findings) -> Header:
    tensors: dict[str, StoredTensor] = {}
    values: dict[str, bytes] = {}
    places: dict[str, str] = {}
    for shard in shards:
        try:
            header = read_safetensors(path.parent / shard)
        except InputError as error:
            for problem in error.problems:
                findings.add(f"shard {named(shard)}: {problem.message}", problem.hint)
            continue
        values |= header.values
        for tensor in header.tensors:
            if tensor.name in tensors:
                findings.add(f"tensor {named(tensor.name)}: expected it in one shard, "
                             f"found it in {places[tensor.name]} and {shard}")
            tensors[tensor.name], places[tensor.name] = tensor, shard
        if len(tensors) > MAX_TENSORS:
            raise refuse(str(path), f"expected at most {MAX_TENSORS:,} tensors in its shards, found more")
    for name, shard in weight_map.items():
        if name not in tensors or places[name] != shard:
            findings.add(f"tensor {named(name)} is not in {shard}, where weight_map has it")
    findings.raise_any()
    _total(data.get("metadata"), sum(tensor.bytes for tensor in tensors.values()), findings)
    return Header(str(path), tuple(tensors.values()), {}, values)


def _total(metadata: object, size: int, findings: Findings) -> None:
    stated = metadata.get("total_size") if type(metadata) is dict else None
    if type(stated) is int and stated != size:
        findings.add(f"metadata.total_size says {stated:,} bytes, the tensors have {size:,}")
        findings.raise_any()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        keys: set[str] = set()
        for key, _ in pairs:
            if key in keys:
                raise ValueError(f"the key {named(key)} stands twice")
            keys.add(key)
    return mapping


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")
