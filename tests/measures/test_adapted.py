"""What the forward pass of an adapted model keeps, against what torch packed under peft (tests/oracle/adapted.py)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from paramcalc.build import build
from paramcalc.components.tape import Policy
from paramcalc.measures.activations import Tokens, activations
from paramcalc.readers.huggingface import read_config
from paramcalc.transforms.lora import Lora, adapt, trainable_parameters

DATA = Path(__file__).parents[1] / "data/activations/adapted.jsonl"
MODELS = [json.loads(line) for line in DATA.read_text("utf-8").splitlines()]
CASES = [(model, how) for model in MODELS for how in model["cases"]]


def adapted(model):
    plan = model["lora"]
    lora = Lora(plan["rank"], tuple(plan["targets"]), plan.get("dora", False), plan["dtype"])
    return adapt(build(read_config(model["config"]).spec), lora).tree


@pytest.mark.parametrize(("model", "how"), CASES, ids=[f"{m['name']} {how}" for m, how in CASES])
def test_bytes_are_those_torch_packed(model, how):
    attention, recompute = how.split()
    found = activations(adapted(model), Tokens(1, model["seq"], model["seq"]), Policy(attention, recompute))
    assert not found.unknown
    assert [found.model, found.loss] == model["cases"][how]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model["name"])
def test_as_many_are_trained(model):
    assert trainable_parameters(adapted(model)) == model["trainable"]
