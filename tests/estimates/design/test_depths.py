"""Amounts along the depths of a pattern are those of each depth by itself, and a grain leaves out only what it must."""

from __future__ import annotations

import pytest

import paramcalc
from paramcalc.estimates.design.depths import Depths
from paramcalc.estimates.design.halves import Grain, Polynomials, Seconds
from paramcalc.estimates.design.handles import handles
from paramcalc.estimates.design.size_polynomial import size_polynomial
from paramcalc.estimates.design.solve import patterns_of


def _polynomials(name: str) -> Polynomials:
    own = handles(paramcalc.read(name))
    polynomial = size_polynomial(own)
    return Polynomials(polynomial.at_width(own.sizes["hidden_size"]), polynomial.names, (0,))


@pytest.mark.parametrize("name", [
    "llama-3.2-1b", "gemma-3-4b", "deepseek-v2-lite", "nemotron-3-nano-30b-a3b", "t5-small",
])
def test_every_depth_counts_what_its_blocks_do(name: str) -> None:
    """One kind of layers, two in turn, dense ones first, a pattern that is written out, two stacks."""
    spec, polynomials = paramcalc.read(name), _polynomials(name)
    own = handles(spec)
    of_block = {block: amount for block, (amount,) in polynomials.half(own.sizes, constant=True).at(own.sizes).items()}
    depths, along = range(own.depth_step, 60, own.depth_step), Depths(patterns_of(spec), own)
    amounts = [*along.amounts(depths, of_block)]
    expected = [polynomials.value(0, own.sizes, blocks)
                for layers in depths if (blocks := along.blocks(layers)) is not None]
    assert amounts == expected
    assert amounts


@pytest.mark.parametrize("name", [
    "llama-3.2-1b", "deepseek-v2-lite", "jamba-v0.1", "k-exaone-236b", "nemotron-3-nano-30b-a3b", "mamba-130m",
])
def test_two_halves_count_what_the_shape_does(name: str) -> None:
    """Widths of one kind of blocks, of experts, of both, of blocks with other attention, and none."""
    spec, polynomials = paramcalc.read(name), _polynomials(name)
    own = handles(spec)
    blocks = Depths(patterns_of(spec), own).blocks(own.layers) or {}
    joint = polynomials.joined("width", [])
    assert joint.isdisjoint(("num_heads", "num_kv_heads", "dense_width"))
    width = own.sizes.get("width", 0)
    choice = {size: value for size, value in own.sizes.items() if size in joint}
    seconds = Seconds(polynomials.half(joint, constant=False), [choice], range(width, width + 129, 128))
    first = polynomials.half({*own.sizes} - joint, constant=True).at(own.sizes)
    base = sum(amount * (blocks.get(block, 0) if block else 1) for block, (amount,) in first.items())
    times, row = seconds.among([0, 1], blocks)
    amounts = [base + times * amount for amount in row.amounts(0)]
    wider = own.sizes | {"width": width + 128}
    assert amounts == [paramcalc.count(spec).total, polynomials.value(0, wider, blocks)]


@pytest.mark.parametrize("name", ["llama-3.2-1b", "gemma-3-4b", "deepseek-v2-lite", "nemotron-3-nano-30b-a3b"])
def test_a_model_is_within_its_own_grain(name: str) -> None:
    total, grain = paramcalc.count(name).total, _polynomials(name).grain(0, 64)
    assert grain.reaches(total, 0)
    assert not grain.reaches(total + grain.step // 2, 1)


@pytest.mark.parametrize("margin", [-1, 0, 1, 4, 5])
def test_a_grain_reaches_what_lies_within_the_margin(margin: int) -> None:
    grain = Grain(3, 10)
    for amount in range(40):
        assert grain.reaches(amount, margin) == any(abs(amount - (3 + 10 * turn)) <= margin for turn in range(-1, 6))
