"""Amounts along the depths of a pattern are those of each depth by itself, and a grain leaves out only what it must."""

from __future__ import annotations

import pytest

import paramcalc
from paramcalc.estimates.design.depths import Depths
from paramcalc.estimates.design.handles import handles
from paramcalc.estimates.design.lines import Grain, Lines, Polynomials, model_line
from paramcalc.estimates.design.size_polynomial import size_polynomial
from paramcalc.estimates.design.solve import patterns_of


def _lines(name: str) -> Lines:
    own = handles(paramcalc.read(name))
    polynomial = size_polynomial(own)
    return Polynomials(polynomial.at_width(own.sizes["hidden_size"]), polynomial.names, {0, 1, 2}).at(own.sizes)


@pytest.mark.parametrize("name", [
    "llama-3.2-1b", "gemma-3-4b", "deepseek-v2-lite", "nemotron-3-nano-30b-a3b", "t5-small",
])
def test_every_depth_counts_what_its_blocks_do(name: str) -> None:
    """One kind of layers, two in turn, dense ones first, a pattern that is written out, two stacks."""
    spec, of_block = paramcalc.read(name), _lines(name).of(0)
    own = handles(spec)
    depths, along = range(own.depth_step, 60, own.depth_step), Depths(patterns_of(spec), own)
    lines = [*zip(*along.lines(depths, of_block), strict=True)]
    expected = [model_line(of_block, blocks) for layers in depths if (blocks := along.blocks(layers)) is not None]
    assert lines == expected
    assert lines


@pytest.mark.parametrize("name", ["llama-3.2-1b", "gemma-3-4b", "deepseek-v2-lite", "nemotron-3-nano-30b-a3b"])
def test_a_model_is_within_its_own_grain(name: str) -> None:
    spec = paramcalc.read(name)
    own, total = handles(spec), paramcalc.count(spec).total
    polynomial = size_polynomial(own)
    polynomials = Polynomials(polynomial.at_width(own.sizes["hidden_size"]), polynomial.names, {0, 1, 2})
    any_heads, its_heads = polynomials.grain(0, 64), polynomials.at(own.sizes).grain(0, 64)
    assert its_heads.step % any_heads.step == 0
    for grain in (any_heads, its_heads):
        assert grain.reaches(total, 0)
        assert not grain.reaches(total + grain.step // 2, 1)


@pytest.mark.parametrize("margin", [-1, 0, 1, 4, 5])
def test_a_grain_reaches_what_lies_within_the_margin(margin: int) -> None:
    grain = Grain(3, 10)
    for amount in range(40):
        assert grain.reaches(amount, margin) == any(abs(amount - (3 + 10 * turn)) <= margin for turn in range(-1, 6))
