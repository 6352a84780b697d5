"""Copies of tokens that Megatron sends to experts."""

from __future__ import annotations

import pytest

from paramcalc.activations.fold import Tokens
from paramcalc.activations.policy import Policy
from paramcalc.build import build
from paramcalc.estimates.experts_sent import sent_values
from paramcalc.estimates.training import Recipe, Trainer
from paramcalc.estimates.training_layout import Layout
from paramcalc.readers.models import load
from paramcalc.transforms.lora import Lora, adapt

CHOSEN = 8 * 2048
"""Values of a token's copies in the model below: eight experts, a width of 2,048."""


def mixture(**lora):
    model = build(load("qwen3-30b-a3b").spec)
    return adapt(model, Lora(8, **lora)) if lora else model


@pytest.mark.parametrize(("lora", "arrays"), [
    ({}, 2), ({"targets": ("q_proj",)}, 2), ({"targets": ("all-linear",)}, 4),
    ({"targets": ("all-linear",), "dropout": 0.05}, 5)])
def test_what_arrives_and_what_experts_give_and_what_adapters_add(lora, arrays):
    assert sent_values(mixture(**lora).tree) == arrays * CHOSEN


def test_without_experts_nothing_is_sent():
    assert sent_values(build(load("llama-3.2-1b").spec).tree) == 0


def again(library, **layout):
    trainer = Trainer(mixture(), Recipe())
    policy = Policy("flash", recompute="full", library=library)
    return trainer.moments(Layout(**layout), 0, Tokens(1, 4096, 4096), policy)[-1]


def test_they_are_there_while_a_layer_is_computed_again():
    """Beside what the layer keeps, which devices of tensor parallelism divide by tokens as they do these."""
    trainer = Trainer(mixture(), Recipe())
    layout, load_ = Layout(tp=2, ep=2), Tokens(1, 4096, 4096)
    saved = trainer.saved(layout.plan, 0, load_, Policy("flash", library="megatron"))[0] // 48
    gathered = 4 * 4096 * 2048 * 2 // 2
    assert again("megatron", tp=2, ep=2).working == saved + gathered + 2 * CHOSEN * 2 * 4096 // 2


def test_transformers_sends_nothing():
    trainer = Trainer(mixture(), Recipe())
    saved = trainer.saved(Layout().plan, 0, Tokens(1, 4096, 4096), Policy("flash"))[0] // 48
    assert again("transformers").working == saved
