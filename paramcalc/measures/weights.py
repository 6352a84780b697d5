"""Bytes of weights: each tensor in its own format, or in the model's dtype. Exact integers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from paramcalc.catalog.formats import Format, find_format
from paramcalc.measures.parameters import placed

if TYPE_CHECKING:
    from paramcalc.tree import Node, Tensor


class WeightBytes(NamedTuple):
    """Bytes a model's state dict takes, parameters and buffers."""

    total: int
    components: dict[str, int]
    formats: dict[str, int]
    """Format name to bytes."""


def tensor_bytes(tensor: Tensor, dtype: Format) -> int:
    """Bytes of one copy, in the tensor's format, else its fixed dtype, else `dtype`."""
    shape = tensor.shape
    if tensor.transposed and len(shape) > 1:
        shape = (*shape[:-2], shape[-1], shape[-2])
    return held_in(tensor, dtype).bytes_of(shape)


def held_in(tensor: Tensor, dtype: Format) -> Format:
    """The format a tensor is held in."""
    return tensor.format or (find_format(tensor.dtype) if tensor.dtype else dtype)


def weight_bytes(tree: Node, dtype: str = "bf16") -> WeightBytes:
    """All bytes, by component and by format."""
    plain = find_format(dtype)
    components: dict[str, int] = {}
    formats: dict[str, int] = {}
    for item in placed(tree):
        if not item.stored:
            continue
        size = item.stored * tensor_bytes(item.tensor, plain)
        name = held_in(item.tensor, plain).name
        components[item.tensor.component] = components.get(item.tensor.component, 0) + size
        formats[name] = formats.get(name, 0) + size
    return WeightBytes(sum(components.values()), components, formats)
