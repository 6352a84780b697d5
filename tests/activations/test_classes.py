"""What the forward pass keeps, against what torch packed for the backward pass."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from paramcalc.activations.class_rows import MEASURED
from paramcalc.activations.fold import Tokens, activations
from paramcalc.activations.policy import Policy
from paramcalc.build import build
from paramcalc.readers.config.read import read_config

DATA = Path(__file__).parents[1] / "data/activations"
SCANS = [{"tolerance": 0, **json.loads(line)} for line in (DATA / "scans.jsonl").read_text("utf-8").splitlines()]
"""Small models with scans, on sequences of several blocks, of one, and on two sequences (tests/oracle/saved_scans.py):
of the draws torch could run, those of classes we agree with; and a few layers as wide as public models'."""
MODELS = json.loads((DATA / "saved.json").read_text("utf-8"))["models"] + SCANS
CASES = [(model, how) for model in MODELS for how in model["cases"]]


@pytest.mark.parametrize(("model", "how"), CASES, ids=[f"{m['name']} {m.get('dtype', '')} {how}" for m, how in CASES])
def test_bytes_are_those_torch_packed(model, how):
    attention, recompute = how.split()
    class_model = build(read_config(model["config"]).spec)
    batch = model.get("batch", 1)
    policy = Policy(attention, recompute, batch=batch, dtype=model.get("dtype", "bf16"))
    saved = activations(class_model, Tokens(batch, model["seq"], model["seq"]), policy)
    measured, loss = model["cases"][how]
    assert not saved.unknown
    assert abs(saved.model - measured) * 1000 <= model["tolerance"] * measured
    assert abs(saved.loss - loss) * 10_000 <= model["tolerance"] * loss


@pytest.mark.parametrize(("model", "how"), [(m, how) for m in MODELS for how in m.get("batch_2", ())])
def test_two_sequences_copy_views_of_several_heads(model, how):
    class_model = build(read_config(model["config"]).spec)
    policy = Policy(how.split()[0], "none", batch=2)
    assert activations(class_model, Tokens(2, model["seq"], model["seq"]), policy).model == model["batch_2"][how]


def test_a_kind_nobody_described_is_named():
    config = {"model_type": "xlstm", "hidden_size": 64, "num_blocks": 2, "num_heads": 2, "vocab_size": 100}
    assert activations(build(read_config(config).spec), Tokens(1, 8), Policy("eager")).unknown == ("mlstm",)


def records():
    """Configs say only what their class does not have by default."""
    return [json.loads(line) for line in (DATA / "classes.jsonl").read_text("utf-8").splitlines()]


CLASSES = records()


@pytest.mark.parametrize("record", CLASSES, ids=lambda record: record["name"])
def test_classes_keep_what_torch_packed(record):
    """`off` says, in thousandths, how far the worst of a record's cases still is: those are measured, not right."""
    class_model, load = build(read_config(record["config"]).spec), Tokens(1, record["seq"], record["seq"])
    saved = {how: activations(class_model, load, Policy(*how.split())) for how in record["cases"]}
    worst = max(-(-abs(saved[how].model - size) * 1000 // size) for how, size in record["cases"].items())
    assert worst == record.get("off", 0)
    if record["loss"] is not None and not record.get("loss_off"):
        assert next(iter(saved.values())).loss == record["loss"]


def test_classes_called_measured_are_those_that_agree():
    """Within a thousandth, in every record of the class."""
    types = {record["config"]["model_type"] for record in CLASSES}
    wrong = {record["config"]["model_type"] for record in CLASSES if record.get("off", 0) > 1}
    assert {model["config"]["model_type"] for model in MODELS} - wrong | types - wrong == MEASURED
