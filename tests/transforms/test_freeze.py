"""Towers that are not trained: they have weights only, and adapters stand beside the rest alone."""

import pytest

import paramcalc
from paramcalc.errors import UsageError

LLAVA, TOWER = "llava-1.5-7b", 303_507_456
"""Parameters of CLIP ViT-L/14 at 336 pixels, which `count` has as its vision component."""


def test_a_frozen_tower_has_weights_and_neither_gradients_nor_states():
    full, frozen = (paramcalc.train(LLAVA, freeze=names) for names in ((), ("vision",)))
    assert full.trainable - frozen.trainable == TOWER
    one, other = full.heaviest, frozen.heaviest
    assert one.weights == other.weights
    assert one.gradients - other.gradients == 2 * TOWER
    assert one.optimizer - other.optimizer == 8 * TOWER
    assert one.master_weights - other.master_weights == 4 * TOWER


def test_a_frozen_tower_has_no_adapters():
    every = paramcalc.train(LLAVA, lora_rank=8)
    text = paramcalc.train(LLAVA, lora_rank=8, freeze="vision,projector")
    assert 0 < text.trainable < every.trainable
    assert text.trainable == paramcalc.train("llama-2-7b", lora_rank=8).trainable  # Vicuna 7B is Llama 2 7B


def test_a_reference_beside_a_frozen_tower_is_a_model_of_its_own():
    sums = {names: paramcalc.train(LLAVA, method="dpo", freeze=names).heaviest for names in ((), ("vision",))}
    assert sums[()].other_models == sums["vision",].other_models > 0


@pytest.mark.parametrize(("model", "hint"), [(LLAVA, "it has vision, projector"), ("llama-3.1-8b", "it has none")])
def test_a_tower_it_has_not_is_refused(model, hint):
    with pytest.raises(UsageError, match="no tower of this model is called ears") as refusal:
        paramcalc.train(model, freeze="ears")
    assert refusal.value.problems[0].hint.startswith(hint)
