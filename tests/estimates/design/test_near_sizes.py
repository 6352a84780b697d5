"""Sizes that are tried: those a user has set stay, by where they stand, and the rest vary."""

import pytest

import paramcalc


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
