"""`solve` takes another structure where an exact size tells of one, and only then."""

from __future__ import annotations

import pytest

import paramcalc
from paramcalc.estimates.design.structures import structures
from paramcalc.measures.parameters import Counts


def _total(counts: Counts) -> int:
    return counts.total


@pytest.mark.parametrize(("like", "name", "changes"), [
    ("command-r", "command-r-plus", {"qk_norm": "heads"}),
    ("glm-4-9b", "glm-4-32b-0414", {"qkv_bias": False}),
    ("bge-m3", "multilingual-e5-base", {"max_position_embeddings": 514,
                                        "modules.embeddings.position_embeddings.rows": 514}),
    ("falcon-7b", "falcon-40b", {"norm_placement": "parallel_norms", "mixer.cache_heads": 128}),
])
def test_an_exact_size_tells_of_a_structure(like: str, name: str, changes: dict[str, object]) -> None:
    """Totals of published models, each of which differs from its sibling in more than sizes."""
    total = paramcalc.count(name).total
    first = paramcalc.solve(like, params=str(total), top=1).candidates[0]
    assert first.total == total
    assert changes.items() <= first.set.items()
    changed = paramcalc.read(like, first.changes)
    assert paramcalc.count(changed).total == total
    published = paramcalc.read(name)
    assert (changed.hidden_size, changed.num_layers) == (published.hidden_size, published.num_layers)


def test_a_switch_takes_every_value_of_its_field() -> None:
    """Norms of queries and keys add as many values as the field says: one a head's width, one a head, one in all."""
    others = structures(paramcalc.read("llama-3.2-1b"), [], _total)
    assert [each.changes for each in others] == [{"qk_norm": "head"}, {"qk_norm": "full"}, {"qkv_bias": True}]


def test_a_rounded_size_keeps_the_structure() -> None:
    for each in paramcalc.solve("command-r", params="104B", top=5).candidates:
        assert "qk_norm" not in each.set


def test_each_structure_counts_otherwise() -> None:
    spec = paramcalc.read("deepseek-v2-lite")
    sibling = paramcalc.read("deepseek-v2")
    others = structures(spec, [spec, sibling], _total)
    totals = [paramcalc.count(each.spec).total for each in others]
    assert len({*totals, paramcalc.count(spec).total}) == len(totals) + 1
    assert {"blocks.dense.mixer.q_lora_rank": 1536, "blocks.moe.mixer.q_lora_rank": 1536} in [
        each.changes for each in others]
    assert {"blocks.moe.moe.shared_size": 1408} in [each.changes for each in others]  # one shared expert of two


def test_what_makes_no_model_is_no_structure() -> None:
    """Half of the experts a token visits is no whole number, twice as many are more than there are."""
    spec = paramcalc.read("mixtral-8x7b", ["moe.top_k=5"])
    others = structures(spec, [paramcalc.read("mamba-130m")], lambda counts: counts.active)
    assert not [each for each in others if "moe.top_k" in each.changes]


def test_a_number_of_experts_for_each_token_is_found_by_the_active() -> None:
    spec = paramcalc.read("mixtral-8x7b")
    others = structures(spec, [], lambda counts: counts.active)
    assert [each.changes["moe.top_k"] for each in others if "moe.top_k" in each.changes] == [1, 4]


def test_cached_heads_are_all_heads() -> None:
    for each in paramcalc.solve("falcon-40b", params="20B", top=5).candidates:
        assert each.set["mixer.cache_heads"] == each.set["mixer.num_heads"]
