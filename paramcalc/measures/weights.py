"""Bytes of weights: each tensor in its own format, or in the model's dtype. Exact integers."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.catalog.formats import Format, find_format
from paramcalc.defaults import SERVING
from paramcalc.measures.parameters import placed

if TYPE_CHECKING:
    from paramcalc.tree import Node, Tensor


class WeightBytes(NamedTuple):
    """Bytes a model's state dict takes, parameters and buffers."""

    total: int
    components: dict[str, int]
    formats: dict[str, int]
    """Format name to bytes."""


JOINED = {"q_proj": "qkv_proj", "k_proj": "qkv_proj", "v_proj": "qkv_proj", "gate_proj": "gate_up_proj",
          "up_proj": "gate_up_proj", "q_a_proj": "qkv_a_proj", "kv_a_proj_with_mqa": "qkv_a_proj"}
"""Projections runtimes hold as one array, whatever files do."""
MOST_ARRAYS = 100_000


class Arrays(NamedTuple):
    """Arrays as runtimes hold them, layer by layer: projections of one input joined, experts stacked."""

    sizes: list[int]
    """Bytes of each; none of a model of more than `MOST_ARRAYS`."""
    attending: int
    """How many there are up to the end of the first attention."""


def arrays(tree: Node, dtype: str = SERVING.dtype) -> Arrays:
    """The arrays of a model."""
    return _laid(tree, 1, find_format(dtype)) or Arrays([], 0)


def _laid(node: Node, copies: int, plain: Format) -> Arrays | None:
    """The arrays of a part, the layers of a stack one after the other; None of too many. Layers alike are laid once."""
    if copies * len(node.tensors) > MOST_ARRAYS:
        return None
    sizes = _own(node, plain) * copies
    attending = len(sizes) if any(state.kind == "kv" for state in node.states()) else 0
    by_place: dict[int, Arrays | None] = {}
    for place in node.order or range(len(node.children)):
        if place not in by_place:
            child = node.children[place]
            each = child.replace(stored=1) if node.order else child
            by_place[place] = _laid(each, copies * (min(child.stored, 1) if node.order else child.stored), plain)
        part = by_place[place]
        if part is None or len(sizes) + len(part.sizes) > MOST_ARRAYS:
            return None
        if not attending and part.attending:
            attending = len(sizes) + part.attending
        sizes += part.sizes
    return Arrays(sizes, attending)


def _own(node: Node, plain: Format) -> list[int]:
    """The arrays of a part without its children's."""
    joined: dict[tuple[str, str, str, str], int] = {}
    for tensor in node.tensors:
        above, _, last = tensor.part.rpartition(".")
        key = (above, JOINED.get(last, tensor.name), tensor.role)
        for part, size in parts_of(tensor, plain).items():
            joined[*key, part] = joined.get((*key, part), 0) + tensor.stored * size
    return [size for size in joined.values() if size]


def tensor_bytes(tensor: Tensor, dtype: Format) -> int:
    """Bytes of one copy, in the tensor's format, else its fixed dtype, else `dtype`."""
    return sum(parts_of(tensor, dtype).values())


def parts_of(tensor: Tensor, dtype: Format) -> dict[str, int]:
    """Bytes of one copy by what its format stores: codes, scales."""
    shape = tensor.shape
    if tensor.transposed and len(shape) > 1:
        shape = (*shape[:-2], shape[-1], shape[-2])
    return storage_format(tensor, dtype).breakdown(shape)


def storage_format(tensor: Tensor, dtype: Format) -> Format:
    """The format a tensor is held in."""
    return tensor.format or (find_format(tensor.dtype) if tensor.dtype else dtype)


def weight_bytes(tree: Node, dtype: str = SERVING.dtype) -> WeightBytes:
    """All bytes, by component and by format."""
    plain = find_format(dtype)
    components: dict[str, int] = {}
    formats: dict[str, int] = {}
    for item in placed(tree):
        if not item.stored:
            continue
        size = item.stored * tensor_bytes(item.tensor, plain)
        name = storage_format(item.tensor, plain).name
        components[item.tensor.component] = components.get(item.tensor.component, 0) + size
        formats[name] = formats.get(name, 0) + size
    return WeightBytes(sum(components.values()), components, formats)


def most_unpacked(tree: Node) -> int:
    """Weights of the largest matrix in a format whose products take a copy of it (bitsandbytes: MatMul4Bit; HQQ:
    HQQMatmulNoCacheDeq); of a stack those of one matrix."""
    return max((prod(item.tensor.shape[-2:]) for item in placed(tree)
                if item.stored and item.tensor.format is not None and item.tensor.format.unpacked), default=0)
