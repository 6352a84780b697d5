"""What the forward pass keeps, against what torch packed for the backward pass."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from paramcalc.build import build
from paramcalc.components.tape import Policy
from paramcalc.measures.activations import Tokens, activations
from paramcalc.readers.families.training_facts import MEASURED
from paramcalc.readers.huggingface import read_config

DATA = Path(__file__).parents[1] / "data/activations"
SMALL = [{"tolerance": 0, **json.loads(line)} for line in (DATA / "small.jsonl").read_text("utf-8").splitlines()]
"""Small odd models that ran on the CPU (tests/oracle/saved.py): kept where we agreed, so they hold what is right
and say nothing of classes that are not among them."""
SCANS = [{"tolerance": 0, **json.loads(line)} for line in (DATA / "scans.jsonl").read_text("utf-8").splitlines()]
"""Small models with scans, on sequences of several blocks, of one, and on two sequences (tests/oracle/saved_scans.py):
of the draws torch could run, those of classes we agree with."""
MODELS = json.loads((DATA / "saved.json").read_text("utf-8"))["models"] + SMALL + SCANS
CASES = [(model, how) for model in MODELS for how in model["cases"]]


@pytest.mark.parametrize(("model", "how"), CASES, ids=[f"{m['name']} {how}" for m, how in CASES])
def test_bytes_are_those_torch_packed(model, how):
    attention, recompute = how.split()
    tree = build(read_config(model["config"]).spec).tree
    batch = model.get("batch", 1)
    found = activations(tree, Tokens(batch, model["seq"], model["seq"]), Policy(attention, recompute, batch=batch))
    kept, loss = model["cases"][how]
    assert not found.unknown
    assert abs(found.model - kept) * 1000 <= model["tolerance"] * kept
    assert abs(found.loss - loss) * 10_000 <= model["tolerance"] * loss


@pytest.mark.parametrize(("model", "how"), [(m, how) for m in MODELS for how in m.get("batch_2", ())])
def test_two_sequences_copy_views_of_several_heads(model, how):
    tree = build(read_config(model["config"]).spec).tree
    policy = Policy(how.split()[0], "none", batch=2)
    assert activations(tree, Tokens(2, model["seq"], model["seq"]), policy).model == model["batch_2"][how]


def test_a_kind_nobody_described_is_named():
    config = {"model_type": "xlstm", "hidden_size": 64, "num_blocks": 2, "num_heads": 2, "vocab_size": 100}
    assert activations(build(read_config(config).spec).tree, Tokens(1, 8), Policy()).unknown == ("mlstm",)


def test_classes_called_measured_are():
    """The smallest of those torch ran on a CPU say nothing of a whole class, but where configs of its own were kept."""
    assert {model["config"]["model_type"] for model in MODELS} >= MEASURED
