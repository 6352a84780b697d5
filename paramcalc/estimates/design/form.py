"""Proportions of models, by which the shapes of a family are alike."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paramcalc.estimates.design.handles import Size

DEEPER = 0.5
"""Layers grow with this power of the hidden size: the median over pairs of a family among published decoders."""
WEIGHTS = {"aspect": 1.0, "width": 1.3, "heads": 4.0, "kv_heads": 0.4, "experts": 0.5}
"""How much a factor e in each counts in the distance between two shapes: the inverse of the mean difference over pairs
of a family among published models (aspect 0.33, width 0.26, heads 0.08, key heads 0.8, experts 0.6), as shares of the
aspect's."""


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

    def distance(self, other: Form) -> float:
        """0 for the same proportions, allowing for the greater depth of larger models."""
        expected = other.aspect * (self.hidden / other.hidden) ** (1 - DEEPER)
        total = WEIGHTS["aspect"] * abs(log(self.aspect / expected))
        for name in ("width", "heads", "kv_heads", "experts"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine and theirs:
                total += WEIGHTS[name] * abs(log(mine / theirs))
        return total


def form(names: Sequence[Size], shape: Shape, head_dim: int) -> Form:
    """The proportions of a shape whose heads are so wide."""
    sizes = dict(zip(names, shape.sizes, strict=True))
    hidden = sizes["hidden_size"]

    def over(name: Size) -> float | None:
        return sizes[name] / hidden if name in sizes else None

    heads = sizes["num_heads"] * head_dim / hidden if "num_heads" in sizes else None
    return Form(hidden, hidden / shape.layers, over("width"), heads, sizes.get("num_kv_heads"), sizes.get("experts"))
