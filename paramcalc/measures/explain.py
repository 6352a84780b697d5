"""Each tensor's size as the formula it was made from, read off the tree that is counted."""

from __future__ import annotations

from fnmatch import fnmatchcase
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.dims import Dim, formula
from paramcalc.tree import join

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paramcalc.tree import Node, Tensor


class Formula(NamedTuple):
    """One tensor, or a part that holds none."""

    path: str
    """Of the module."""
    name: str
    """Of the tensor below it; empty for a part without tensors."""
    formula: str
    """In the words of the spec: `num_heads·head_dim × hidden_size`."""
    values: str
    """`4,096 × 4,096 × 32 layers`."""
    copies: int
    parameters: int
    component: str
    source: str
    """The paper or reference implementation of the component."""
    buffer: bool = False


def explain(tree: Node, glob: str = "*") -> list[Formula]:
    """Formulas of the tensors and parts whose full name fits the glob, in the order of the model.

    The tree is one built with `explain=True`, whose dimensions remember.
    """
    return [each for each in _walk(tree, "", ()) if fnmatchcase(join(each.path, each.name), glob)]


def _walk(node: Node, path: str, factors: tuple[Dim, ...]) -> Iterator[Formula]:
    here = join(path, node.name)
    if node.stored != 1:
        factors = (*factors, Dim(node.stored, "layers" if node.label else formula(node.stored)))
    if node.part is not None:
        for tensor in node.tensors:
            yield _tensor(tensor, here, factors, node.part.source)
        if not node.tensors and not node.children:
            yield Formula(here, "", f"{node.part.kind}: no parameters", "", 1, 0, "other", node.part.source)
    for child in node.children:
        yield from _walk(child, here, factors)


def _tensor(tensor: Tensor, path: str, factors: tuple[Dim, ...], source: str) -> Formula:
    if tensor.stored > 1:
        factors = (*factors, Dim(tensor.stored, formula(tensor.stored)))
    copies = prod(int(factor) for factor in factors) if tensor.stored else 0
    shape = [d for d in tensor.shape if isinstance(d, Dim) or d != 1] or [1]
    said = [f"{dimension:,}" for dimension in shape] + [f"{factor:,} {factor.formula}" for factor in factors]
    values = " × ".join(said) + ("" if tensor.stored else ": tied, counted where it is held")
    return Formula(path, tensor.name, " × ".join(_grouped(d) for d in shape), values, copies,
                   0 if tensor.buffer else copies * int(tensor.numel), tensor.component, source, tensor.buffer)


def _grouped(dimension: int) -> str:
    text = formula(dimension)
    return f"({text})" if " " in text else text
