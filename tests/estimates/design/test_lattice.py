"""The walk over a lattice finds what looking at every shape finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import paramcalc
from paramcalc.answers.solve import _family
from paramcalc.estimates.design.goals import Bounds, Goal
from paramcalc.estimates.design.solve import _lattice

if TYPE_CHECKING:
    from paramcalc.estimates.design.handles import Size


@pytest.mark.parametrize(("like", "heads", "hidden"), [
    ("gemma-3-4b", 8, 2560), ("llama-3.2-1b", 32, 2048), ("deepseek-v2-lite", 16, 2048), ("gpt2", 12, 768),
    ("nemotron-nano-9b-v2", 40, 4480),
])
def test_every_shape_within_the_tolerance_is_found(like: str, heads: int, hidden: int) -> None:
    """Layers of one kind, of a pattern that repeats or is written out, and dense ones before those with experts."""
    spec = paramcalc.read(like)
    total = paramcalc.count(spec).total
    fixed = {"hidden_size": hidden, "num_heads": heads, "num_kv_heads": 4, "experts": 64}
    lattice = _lattice(spec, _family(spec), Bounds(fixed=fixed))  # type: ignore[arg-type]
    goal = Goal(0, total, 0.02, round(total * 0.02))
    shapes = {rated.shape for rated in lattice.walk([goal], 100_000, [], [hidden])}
    sizes, names = lattice.sizes, lattice.polynomial.names
    low, high = sizes.widths(hidden)
    step, expected = sizes.width_step(hidden), set()

    def shape(others: dict[Size, int], width: int) -> tuple[int, ...]:
        return tuple((others | {"hidden_size": hidden, "width": width})[name] for name in names)

    for others in sizes.others(hidden):
        for layers in sizes.layers(hidden):
            blocks = lattice.depths.blocks(layers) or {}
            narrow, wider = (lattice.polynomial.value(0, shape(others, width), blocks) for width in (low, low + step))
            expected |= {(shape(others, width), layers) for place, width in enumerate(range(low, high + 1, step))
                         if abs(narrow + place * (wider - narrow) - total) <= total * goal.tolerance}
    assert {(shape.sizes, shape.layers) for shape in shapes} == expected
    assert expected
