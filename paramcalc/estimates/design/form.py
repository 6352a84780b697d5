"""Proportions of models, by which the shapes of a family are alike."""

from __future__ import annotations

from math import exp, log
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
    """Distances of shapes of one hidden size from a family's, in parts that add up, each a list over its members.

    0 for the same proportions, allowing for the greater depth of larger models.
    """

    def __init__(self, hidden: int, head_dim: int, family: Sequence[Form]) -> None:
        self._hidden, self._head_dim, self._family = hidden, head_dim, family
        self._depths = [log(hidden / member.aspect) - (1 - DEEPER) * log(hidden / member.hidden) for member in family]
        """Of each member: logarithm of the depth expected here; so of the width."""
        self._widths = [log(hidden * member.width) if member.width else 0.0 for member in family]
        self._rests: dict[tuple[Size, int], list[float]] = {}

    def sizes(self, sizes: Mapping[Size, int]) -> list[float]:
        """Distance of the given heads and experts from those of each member of the family."""
        each = [self._rest(name, sizes[name]) for name in APART if name in sizes]
        return [sum(rests) for rests in zip(*each, strict=True)] if each else [0.0] * len(self._family)

    def depth(self, layers: int) -> list[float]:
        """Distance of a depth in layers from the depth expected by each member of the family."""
        depth = log(layers)
        return [WEIGHTS["aspect"] * abs(depth - expected) for expected in self._depths]

    def width(self, width: int) -> list[float]:
        """Distance of a feed-forward width from the width expected by each member of the family."""
        log_width = log(width) if width else 0.0
        return [WEIGHTS["width"] * abs(log_width - expected) for expected in self._widths]

    def widths(self, rests: Sequence[float], widths: Sequence[int]) -> list[float]:
        """Distance of each width, the least over the members, which are so far already."""
        weight, near = WEIGHTS["width"], list[tuple[float, float]]()
        for rest, expected in sorted(zip(rests, self._widths, strict=True)):  # each nearer than others for some width
            if all(other + weight * abs(expected - width) > rest for other, width in near):
                near.append((rest, expected))
        logs = [log(width) if width else 0.0 for width in widths]
        return [min([rest + weight * abs(at - expected) for rest, expected in near]) for at in logs]

    def layers(self, room: float) -> tuple[float, float]:
        """Layers of which shapes may be within a distance; of fewer or more layers none is."""
        room = min(max(room, 0.0) / WEIGHTS["aspect"], LARGE)
        return exp(min(self._depths) - room), exp(max(self._depths) + room)

    def _rest(self, name: Size, size: int) -> list[float]:
        """The distance from each member in one size."""
        if (name, size) not in self._rests:
            mine, field = form(("hidden_size", name), Shape((self._hidden, size), 1), self._head_dim), APART[name]
            a = getattr(mine, field)
            self._rests[name, size] = [WEIGHTS[field] * abs(log(a / b)) if a and (b := getattr(member, field)) else 0.0
                                       for member in self._family]
        return self._rests[name, size]


def form(names: Sequence[Size], shape: Shape, head_dim: int) -> Form:
    """The proportions of a shape whose heads are so wide."""
    sizes = dict(zip(names, shape.sizes, strict=True))
    hidden = sizes["hidden_size"]

    def over(name: Size) -> float | None:
        return sizes[name] / hidden if name in sizes else None

    heads = sizes["num_heads"] * head_dim / hidden if "num_heads" in sizes else None
    return Form(hidden, hidden / shape.layers, over("width"), heads, sizes.get("num_kv_heads"), sizes.get("experts"))
