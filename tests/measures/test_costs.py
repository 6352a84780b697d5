"""The FLOPs of a workload, of its prompt and of the token after it, summed by hand."""

import pytest

from paramcalc.build import build
from paramcalc.measures.costs import costs
from paramcalc.measures.flops import Workload
from paramcalc.spec.model import ModelSpec

LAYERS, HEADS, SIZE, HIDDEN, VOCABULARY = 4, 8, 16, 64, 1000
TREE = build(ModelSpec.model_validate({
    "vocab_size": VOCABULARY, "hidden_size": HIDDEN, "num_layers": LAYERS, "num_heads": HEADS, "num_kv_heads": 2,
    "head_dim": SIZE, "intermediate_size": 96})).tree
BODY = LAYERS * HIDDEN * (2 * HEADS * SIZE + 2 * 2 * SIZE + 3 * 96)
HEAD = HIDDEN * VOCABULARY
PARAMETERS = BODY + 2 * HEAD + (2 * LAYERS + 1) * HIDDEN
A_PAIR = 2 * LAYERS * HEADS * 2 * SIZE
"""FLOPs of a query with a key and its value, a multiply-add counted as two."""
TOKENS = 2 * 10
PAIRS = 2 * 10 * (5 + 10)


def test_each_figure_is_in_its_place():
    load = Workload(batch=2, seq=10, past=5)
    figures = costs(TREE, load)
    assert figures.load == load
    assert figures.step.forward == 2 * TOKENS * (BODY + HEAD) + PAIRS * A_PAIR
    assert figures.training_step == 3 * figures.step.forward
    assert figures.prefill == 2 * TOKENS * BODY + 2 * 2 * HEAD + 2 * 10 * 10 * A_PAIR
    assert figures.decode == 2 * (BODY + HEAD) + (5 + 1) * A_PAIR
    assert figures.past == 5
    assert figures.six_n_d == 6 * PARAMETERS * TOKENS
    assert figures.palm == (6 * PARAMETERS + 12 * LAYERS * HEADS * SIZE * 10) * TOKENS  # arXiv:2204.02311, appendix B


@pytest.mark.parametrize(("recompute", "again"), [
    ("none", 0), ("selective", PAIRS * A_PAIR), ("full", 2 * TOKENS * BODY + PAIRS * A_PAIR)])
def test_what_is_recomputed_is_done_again(recompute, again):
    figures = costs(TREE, Workload(batch=2, seq=10, past=5), recompute)
    assert (figures.recompute, figures.again) == (recompute, again)
    assert figures.training_step == 3 * figures.step.forward + again


def test_the_token_after_a_prompt_meets_all_of_it():
    figures = costs(TREE, Workload(seq=10))
    assert figures.past == 10
    assert figures.decode == 2 * (BODY + HEAD) + 11 * A_PAIR
