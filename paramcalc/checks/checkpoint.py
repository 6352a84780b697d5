"""A checkpoint's header against a spec: tensors missing, extra, of another shape, of another type."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.checks.results import Finding
from paramcalc.measures.parameters import Row, rows
from paramcalc.measures.weights import storage_format
from paramcalc.readers.headers.checkpoint import read_header
from paramcalc.readers.headers.header import StoredTensor, tell_layers
from paramcalc.readers.headers.packing import unpacked

if TYPE_CHECKING:
    from paramcalc.checks.checked_model import Subject
    from paramcalc.readers.headers.header import Header

CHECKPOINT = "PC006"


class StoredTensors(NamedTuple):
    """What a checkpoint has under one collapsed name."""

    tensors: list[StoredTensor]

    @property
    def shapes(self) -> set[tuple[int, ...]]:
        """The shape of each tensor under the name."""
        return {tensor.shape for tensor in self.tensors}


def against_checkpoint(path: Path) -> Callable[[Subject], Iterator[Finding]]:
    """A comparison of a spec with a file, its header read once."""
    return partial(_compare, path.name, read_header(path))


def _compare(file: str, header: Header, subject: Subject) -> Iterator[Finding]:
    expected: dict[str, list[Row]] = {}
    for row in rows(subject.model.tree):
        expected.setdefault(row.name, []).append(row)
    plain = unpacked(header, lambda: {name: same[0].shape for name, same in expected.items() if len(same) == 1})
    stored: dict[str, StoredTensors] = {}
    for name, tensor in tell_layers(plain.tensors):
        stored.setdefault(name, StoredTensors([])).tensors.append(tensor)
    for message, hint in differences(expected, stored):
        yield Finding(subject.name, CHECKPOINT, f"{file}: {message}", hint=hint)
    yield from _types(subject, stored, file)


def differences(expected: dict[str, list[Row]], stored: dict[str, StoredTensors]) -> Iterator[tuple[str, str]]:
    """What is missing, extra or of another shape, by name, each with a remedy or nothing."""
    for name, alike in expected.items():
        tensors = stored.get(name, StoredTensors([])).tensors
        count = sum(row.copies for row in alike)
        if not tensors:
            yield f"tensor {name} is missing" + (f" ({count:,} of it)" if count > 1 else ""), ""
            continue
        shapes = {row.shape: row.copies for row in alike}
        for tensor in tensors:
            if tensor.shape not in shapes:
                expected_shapes = " or ".join(str(list(shape)) for shape in shapes)
                yield f"tensor {tensor.name} has shape {list(tensor.shape)}, expected {expected_shapes}", ""
        if len(tensors) != count:
            yield f"tensor {name}: {count:,} expected, {len(tensors):,} found{_gaps(name, tensors, count)}", ""
    for name, extra in stored.items():
        if name not in expected:
            buffers = "inv_freq" in name or "masked_bias" in name
            yield f"tensor {extra.tensors[0].name} is not in the spec", "a buffer of older files" if buffers else ""


def _gaps(name: str, tensors: list[StoredTensor], count: int) -> str:
    """Which numbers are not there, where one number tells the tensors apart."""
    if name.count("*") != 1:
        return ""
    place = name.split(".").index("*")
    there = {int(tensor.name.split(".")[place]) for tensor in tensors}
    missing = [str(number) for number in range(count) if number not in there][:10]
    return f" (without {', '.join(missing)})" if missing else ""


def _types(subject: Subject, stored: dict[str, StoredTensors], file: str) -> Iterator[Finding]:
    """Tensors of another number format than the spec's own rules give them; what no rule speaks of may be in any."""
    from paramcalc.catalog.formats import find_format
    from paramcalc.measures.parameters import placed
    from paramcalc.transforms.formats import in_formats

    if not subject.spec.quantize:
        return
    for item in placed(in_formats(subject.model).tree):
        if item.tensor.format is None and item.tensor.dtype is None:
            continue
        dtype = storage_format(item.tensor, find_format("bf16"))
        for tensor in stored.get(item.name, StoredTensors([])).tensors:
            if dtype.family == "plain" and tensor.format != dtype.name:
                message = f"{file}: tensor {tensor.name} is held in {tensor.format}, expected {dtype.name}"
                yield Finding(subject.name, CHECKPOINT, message, expected=dtype.name, actual=tensor.format)
                break
