"""Sizes that are tried: those a user has set stay, by where they stand, and the rest vary."""

import pytest

import paramcalc
from paramcalc.estimates.design.form import Shape, form
from paramcalc.estimates.design.goals import Bounds
from paramcalc.estimates.design.handles import handles
from paramcalc.estimates.design.near_sizes import NearSizes


@pytest.mark.parametrize(("like", "params", "changes"), [
    ("mixtral-8x7b", "46.7B", {"num_layers": 32, "hidden_size": 4096, "num_heads": 32}),
    ("mixtral-8x7b", "46.7B", {"num_layers": 32, "hidden_size": 4096, "num_kv_heads": 8}),
    ("mixtral-8x7b", "46.7B", {"num_layers": 32, "hidden_size": 4096, "moe.experts": 8}),
    ("llama-3.2-1b", "1.2B", {"hidden_size": 2048, "intermediate_size": 8192}),
    ("deepseek-v2-lite", "15.7B", {"blocks.dense.intermediate_size": 10944, "hidden_size": 2048}),
    ("deepseek-v2-lite", "15.7B", {"blocks.moe.moe.intermediate_size": 1408, "hidden_size": 2048}),
    ("deepseek-v2-lite", "15.7B", {"blocks.moe.moe.shared_size": 2816, "hidden_size": 2048}),
])
def test_a_size_that_was_set_stays(like, params, changes):
    answer = paramcalc.solve(like, [f"{key}={value}" for key, value in changes.items()], params=params, top=5)
    assert answer.candidates
    for candidate in answer.candidates:
        assert {key: candidate.set.get(key, value) for key, value in changes.items()} == changes


def test_widths_of_dense_layers_and_of_experts_are_two_sizes():
    answer = paramcalc.solve("deepseek-v2-lite", ["blocks.dense.intermediate_size=10944"], params="15.7B", top=1)
    assert answer.candidates[0].set["blocks.moe.moe.intermediate_size"] == 1408


def test_as_many_heads_share_keys_as_in_the_family() -> None:
    """SmolLM2 360M has 15 heads and 5 key heads, 135M 9 and 3."""
    small = handles(paramcalc.read("smollm2-135m"))
    own = form(tuple(small.sizes), Shape(tuple(small.sizes.values()), small.layers), small.head_dim)
    assert {"num_heads": 15, "num_kv_heads": 5} in list(NearSizes(small, [own], Bounds()).others(960))


def test_heads_that_are_set_stay() -> None:
    small = handles(paramcalc.read("qwen3-0.6b"))
    own = form(tuple(small.sizes), Shape(tuple(small.sizes.values()), small.layers), small.head_dim)
    for others in NearSizes(small, [own], Bounds(fixed={"num_heads": 24})).others(2048):
        assert others["num_heads"] == 24
