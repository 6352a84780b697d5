"""Proportions of models, by which the shapes of a family are alike."""

from __future__ import annotations

from math import exp, inf, log
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from paramcalc.estimates.design.handles import Size

LARGE = 100.0
"""More than any distance."""
DEEPER = 0.5
"""Layers grow with this power of the hidden size: the median over pairs of a family among published decoders."""
WEIGHTS = {"aspect": 1.0, "width": 1.3, "heads": 4.0, "kv_heads": 0.4, "experts": 0.5}
"""How much a factor e in each counts in the distance between two shapes: the inverse of the mean difference over pairs
of a family among published models (aspect 0.33, width 0.26, heads 0.08, key heads 0.8, experts 0.6), as shares of the
aspect's."""

APART: dict[Size, Literal["heads", "kv_heads", "experts"]] = {
    "num_heads": "heads", "num_kv_heads": "kv_heads", "experts": "experts"}
"""Sizes, by the proportion they make, in which shapes of one hidden size differ but in depth and width."""


class Shape(NamedTuple):
    """Sizes of a model; `sizes` in the order of the polynomial's names."""

    sizes: tuple[int, ...]
    layers: int


class Form(NamedTuple):
    """A model's proportions, by which families are alike."""

    hidden: float
    aspect: float
    width: float | None
    heads: float | None
    """Width of all heads over the hidden size."""
    kv_heads: float | None
    experts: float | None


class Around:
    """From shapes of one hidden size to a family's: what of the distances their heads and experts leave the same."""

    def __init__(self, hidden: int, head_dim: int, family: Sequence[Form]) -> None:
        self._hidden, self._head_dim, self._family = hidden, head_dim, family
        self.expected = [(log(hidden / member.aspect) - (1 - DEEPER) * log(hidden / member.hidden),
                          log(hidden * member.width) if member.width else 0.0) for member in family]
        """Of each member: logarithms of the depth and the width expected here."""
        depths = [depth for depth, _ in self.expected]
        self.depths = min(depths), max(depths)
        self._rests: dict[tuple[Size, int], list[float]] = {}

    def of(self, others: Mapping[Size, int]) -> Distances:
        """From shapes of these heads and experts, for any depth and width."""
        each = [self._rest(name, others[name]) for name in APART if name in others]
        return Distances(self, [sum(rests) for rests in zip(*each, strict=True)] if each else [0.0] * len(self._family))

    def _rest(self, name: Size, size: int) -> list[float]:
        """The distance from each member in one size."""
        if (name, size) not in self._rests:
            mine, field = form(("hidden_size", name), Shape((self._hidden, size), 1), self._head_dim), APART[name]
            a = getattr(mine, field)
            self._rests[name, size] = [WEIGHTS[field] * abs(log(a / b)) if a and (b := getattr(member, field)) else 0.0
                                       for member in self._family]
        return self._rests[name, size]


class Distances:
    """From shapes of one hidden size, heads and experts to a family's, for any depth and width.

    0 for the same proportions, allowing for the greater depth of larger models.
    """

    def __init__(self, around: Around, rests: Sequence[float]) -> None:
        self._around, self._rests = around, rests
        self.rest = min(rests)
        """No shape is nearer, of whatever depth and width."""

    def least(self, layers: int) -> float:
        """The least distance (no unit) of any shape of so many layers."""
        depth, (low, high) = log(layers), self._around.depths
        return self.rest + WEIGHTS["aspect"] * max(low - depth, depth - high, 0.0)

    def depths(self, most: float) -> tuple[float, float]:
        """Layers of which shapes may be within a distance; of fewer or more layers none is."""
        (low, high), room = self._around.depths, min(max(most - self.rest, 0.0) / WEIGHTS["aspect"], LARGE)
        return exp(low - room), exp(high + room)

    def at(self, layers: int, most: float) -> Depth:
        """From shapes so deep to members that may be as near."""
        depth = log(layers)
        near = [(rest + WEIGHTS["aspect"] * abs(depth - expected), ratio)
                for (expected, ratio), rest in zip(self._around.expected, self._rests, strict=True)]
        return Depth([each for each in near if each[0] <= most])


class Depth:
    """Distances from shapes of one depth, for any width."""

    def __init__(self, members: list[tuple[float, float]]) -> None:
        self._members = members

    def nearest(self, width: int) -> float:
        """The distance (no unit) to the nearest member; infinite where none may be near enough."""
        log_width = log(width) if width else 0.0
        return min((rest + WEIGHTS["width"] * abs(log_width - ratio) for rest, ratio in self._members), default=inf)


def form(names: Sequence[Size], shape: Shape, head_dim: int) -> Form:
    """The proportions of a shape whose heads are so wide."""
    sizes = dict(zip(names, shape.sizes, strict=True))
    hidden = sizes["hidden_size"]

    def over(name: Size) -> float | None:
        return sizes[name] / hidden if name in sizes else None

    heads = sizes["num_heads"] * head_dim / hidden if "num_heads" in sizes else None
    return Form(hidden, hidden / shape.layers, over("width"), heads, sizes.get("num_kv_heads"), sizes.get("experts"))
