"""What shapes are asked for: a size, budgets, sizes that stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from paramcalc.estimates.design.handles import Size
    from paramcalc.tree import Node


class Goal(NamedTuple):
    """What a shape is to count, and how far from it it may be."""

    measure: int
    """Which of the polynomial's measures; -1 for total less embedding."""
    amount: int
    tolerance: float
    """Share of the amount."""
    resolution: int = 1
    """Amounts that differ by less are equally near: half a unit of the last digit that was asked for."""


class Budget(NamedTuple):
    """A measure of which a shape may have so much at most."""

    name: str
    """The option that says so."""
    measure: Callable[[Node], int]
    """Of a tree, or of a block of it."""
    most: int
    text: Callable[[int], str] = str
    """An amount as the option takes it."""


class Bounds(NamedTuple):
    """What the lattice leaves out."""

    multiple_of: int | None = None
    fixed: Mapping[Size, int] = {}
    layers: int | None = None
    max_layers: int | None = None
    budgets: tuple[Budget, ...] = ()
