"""What the forward pass of an adapted model keeps, against what torch packed under peft (tests/oracle/adapted.py)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from paramcalc.activations.fold import Tokens, activations
from paramcalc.activations.policy import Policy
from paramcalc.activations.weights import RANK, Adapter, Weights, weights_of
from paramcalc.build import build
from paramcalc.readers.config.read import read_config
from paramcalc.transforms.lora import Lora, adapt, trainable_parameters
from paramcalc.transforms.shard import Sharding, shard
from paramcalc.tree import Tensor

DATA = Path(__file__).parents[1] / "data/activations/adapted.jsonl"
MODELS = [json.loads(line) for line in DATA.read_text("utf-8").splitlines()]
CASES = [(model, how) for model in MODELS for how in model["cases"]]


def adapted(model):
    plan = model["lora"]
    lora = Lora(plan["rank"], tuple(plan["targets"]), plan.get("dora", False), plan["dtype"])
    return adapt(build(read_config(model["config"]).spec), lora)


@pytest.mark.parametrize(("model", "how"), CASES, ids=[f"{m['name']} {how}" for m, how in CASES])
def test_bytes_are_those_torch_packed(model, how):
    attention, recompute = how.split()
    saved = activations(adapted(model), Tokens(1, model["seq"], model["seq"]), Policy(attention, recompute))
    assert not saved.unknown
    assert [saved.model, saved.loss] == model["cases"][how]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model["name"])
def test_as_many_are_trained(model):
    assert trainable_parameters(adapted(model).tree) == model["trainable"]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model["name"])
def test_what_adapters_keep_is_divided_as_their_weights_are(model):
    """Of two devices each holds more than half: inputs of column-parallel matrices and norms are whole on both."""
    whole = adapted(model)
    mine = whole._replace(tree=shard(whole.tree, Sharding(2)))
    for attention in ("eager", "flash"):
        all_of_it, part = (activations(each, Tokens(1, 8, 8), Policy(attention)).model for each in (whole, mine))
        assert all_of_it / 2 < part < all_of_it


QUERY = Tensor("q_proj.weight", (8, 8), ("heads", "hidden"), "matmul", "attention", part="q_proj", frozen=True)
LOW = Tensor("q_proj.lora_A.weight", (4, 8), (RANK, "hidden"), "matmul", "attention", part="q_proj")
NORM = Tensor("q_norm.weight", (8,), ("head_dim",), "vector", "norm", part="q_norm")
LENGTHS = Tensor("q_proj.lora_magnitude_vector", (8,), ("heads",), "vector", "attention", part="q_proj")


@pytest.mark.parametrize(("tensors", "dora", "vectors"), [
    ([QUERY, LOW], False, False),
    ([QUERY, LOW, NORM], False, True),  # a norm that is trained beside the adapter
    ([QUERY, LOW, NORM._replace(frozen=True)], False, False),
    ([QUERY, LOW, LENGTHS], True, False),  # magnitudes are the adapter's, no scale of a norm
    ([QUERY, LOW, LENGTHS._replace(frozen=True)], False, False),
])
def test_which_vectors_beside_an_adapter_are_trained(tensors, dora, vectors):
    assert weights_of(tensors) == Weights(frozenset(), {"q_proj": Adapter(4, None, dora)}, vectors)


def test_a_bias_trained_beside_an_adapter_is_no_magnitude():
    bias = Tensor("q_proj.bias", (8,), ("heads",), "vector", "attention", part="q_proj")
    assert weights_of([QUERY, LOW, bias]) == Weights(frozenset(), {"q_proj": Adapter(4, None)}, vectors=True)


T5 = {"model_type": "t5", "architectures": ["T5ForConditionalGeneration"], "vocab_size": 320, "d_model": 96,
      "d_ff": 224, "d_kv": 16, "num_layers": 2, "num_decoder_layers": 3, "num_heads": 6, "dropout_rate": 0.0,
      "feed_forward_proj": "relu"}


def test_what_comes_before_the_first_adapter_keeps_nothing():
    """A frozen encoder; as torch packed it, but that our first adapted layer keeps what the others do.

    With checkpointing transformers asks for the gradient of what is embedded, so that the encoder's layers are kept.
    """
    model = adapt(build(read_config(T5).spec), Lora(8, ("*decoder*.q", "*decoder*.v")))
    plain, again = (activations(model, Tokens(1, 64, 64), Policy("eager", how)).model for how in ("none", "full"))
    layer = (1_707_776 - 303_616) // 5  # about what one layer keeps
    assert 1_206_528 <= plain <= 1_206_528 + layer
    assert again == 303_616
