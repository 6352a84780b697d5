"""A search for layouts: ordinary ones first, one row for each way to divide, the fastest first."""

from itertools import pairwise

import pytest

from paramcalc.activations.fold import Tokens
from paramcalc.activations.policy import Policy
from paramcalc.build import build
from paramcalc.catalog.accelerators import find_accelerator
from paramcalc.estimates.layouts import layouts, search
from paramcalc.estimates.traffic import Facts
from paramcalc.estimates.train_step import Stepper
from paramcalc.estimates.training import Recipe, Trainer
from paramcalc.readers.models import load


@pytest.fixture(scope="module")
def llama():
    trainer = Trainer(build(load("llama-2-7b").spec), Recipe())
    policy = Policy("flash", "none", "transformers", "bf16", 1)
    return search(Stepper(trainer, find_accelerator("h100")), 64, Tokens(1, 4096, 4096), policy, 1024)


def test_ordinary_layouts_come_first(llama):
    first = llama[0][0]
    assert first.layout[:5] == (1, 1, 64, 1, 1)
    for each in llama[0][:7]:
        assert each.layout.pp <= 8
        assert each.recompute == "none"
        assert each.headroom >= 0


def test_one_row_for_each_way_to_divide(llama):
    rows = [each.layout[:5] for each in llama[0]]
    assert len(set(rows)) == len(rows)
    assert llama[1] > len(rows)
    assert all(tp * pp * dp * cp == 64 for tp, pp, dp, _, cp in rows)


def test_the_fastest_come_first(llama):
    times = [each.seconds_per_token for each in llama[0]]
    assert all(later >= earlier * 0.98 for earlier, later in pairwise(times))


def test_experts_are_divided():
    trainer = Trainer(build(load("qwen3-30b-a3b").spec), Recipe())
    policy = Policy("flash", "none", "transformers", "bf16", 1)
    rows, _ = search(Stepper(trainer, find_accelerator("h200")), 8, Tokens(1, 4096, 4096), policy, 64)
    assert any(each.layout.ep > 1 for each in rows)


def test_short_sequences_stay_whole(llama):
    assert {each.layout.cp for each in llama[0]} == {1}
    plans = layouts(16, Facts(32, 0, 0, 4096, 8192), 0, 16384)
    assert {each.cp for each in plans} == {1, 2, 4}
