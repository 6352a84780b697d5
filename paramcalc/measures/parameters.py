"""How many parameters: total, active, by component, by tensor. Exact integers, folds over the tree's tensors."""

from __future__ import annotations

import re
from math import prod
from typing import TYPE_CHECKING, NamedTuple, cast

from paramcalc.component_names import COMPONENTS, ComponentName

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paramcalc.tree import Node, Tensor

BUFFERS = "buffers"
EMBEDDINGS: tuple[ComponentName, ...] = ("token_embedding", "position_embedding", "lm_head")


NUMBER = re.compile(r"(?<![^.])\d+(?![^.])")
"""A whole part of a dotted name that is a number."""


class Placed(NamedTuple):
    """A tensor with its full name and its copies in the whole model."""

    name: str
    tensor: Tensor
    stored: int
    used: int

    @property
    def parameters(self) -> int:
        """Values in memory; a buffer has none."""
        return 0 if self.tensor.buffer else self.stored * self.tensor.numel


class Counts(NamedTuple):
    """Parameters of a model and of each of its components."""

    total: int
    active: int
    buffers: int
    components: dict[str, tuple[int, int]]
    """ComponentName to (parameters, active), only those it has, in the order of `COMPONENTS`."""

    @property
    def embedding(self) -> int:
        """Token and position tables and the head; a tied matrix once."""
        return sum(self.components[name][0] for name in EMBEDDINGS if name in self.components)


def placed(tree: Node) -> Iterator[Placed]:
    """Every tensor of the tree with its full name and copies, in the order of the model."""
    for path, node, stored, used in tree.walk():
        for tensor in node.tensors:
            name = f"{path}.{tensor.name}" if path and tensor.name else path or tensor.name
            yield Placed(name, tensor, stored * tensor.stored, used * tensor.used)


def count(tree: Node) -> Counts:
    """All counts of a tree in one walk."""
    parameters: dict[str, int] = {BUFFERS: 0}
    active: dict[str, int] = {}
    _fold(tree, 1, 1, parameters, active)
    buffers = parameters.pop(BUFFERS)
    components: dict[str, tuple[int, int]] = {
        key: (parameters[key], active[key]) for key in COMPONENTS if parameters.get(key)}
    return Counts(sum(parameters.values()), sum(active.values()), buffers, components)


def _fold(node: Node, stored: int, used: int, parameters: dict[str, int], active: dict[str, int]) -> None:
    """Add a node's parameters to each component: recursion without the paths `walk` makes, since all counts pay it."""
    stored *= node.stored
    used *= node.used
    for tensor in node.tensors:
        numel = prod(tensor.shape)
        copies = stored * tensor.stored
        if tensor.buffer:
            parameters[BUFFERS] += copies * numel
            continue
        key = tensor.component
        parameters[key] = parameters.get(key, 0) + copies * numel
        visited = used * tensor.used
        active[key] = active.get(key, 0) + (visited if visited < copies else copies) * numel
    for child in node.children:
        _fold(child, stored, used, parameters, active)


class Row(NamedTuple):
    """Tensors of one name and shape, as files hold them."""

    name: str
    shape: tuple[int, ...]
    copies: int
    component: ComponentName
    buffer: bool


def rows(tree: Node) -> list[Row]:
    """One row a distinct (name, shape); a stacked array shows its copies as its first axis. Tied tensors have none.

    Numbered parts of one name (`layer.0`, `layer.1`) are one row with `*`, as the layers of a stack are.
    """
    by_shape: dict[tuple[str, tuple[int, ...]], Row] = {}
    for name, tensor, stored, _ in placed(tree):
        if not stored:
            continue
        shape = tuple(int(d) for d in tensor.file_shape)
        copies = stored // tensor.stored if tensor.stacked else stored
        starred = NUMBER.sub("*", name)
        old = by_shape.get((starred, shape))
        copies += old.copies if old else 0
        by_shape[starred, shape] = Row(starred, shape, copies, cast("ComponentName", tensor.component), tensor.buffer)
    return list(by_shape.values())
