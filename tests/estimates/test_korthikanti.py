"""Megatron's accounting of activations against arXiv:2205.05198 table 2, in closed form."""

import pytest

from paramcalc.build import build
from paramcalc.components.tape import Policy
from paramcalc.estimates.training import Layout, Recipe, Trainer, in_flight
from paramcalc.measures.activations import Tokens
from paramcalc.spec.model import ModelSpec

S, B, H, A, LAYERS = 256, 3, 512, 8, 4
LINEAR = S * B * H
SQUARE = 5 * A * S * S * B
ROWS = [
    ("no parallelism", Layout(), "none", 34 * LINEAR + SQUARE),
    ("tensor", Layout(tp=4, sequence=False), "none", 10 * LINEAR + 24 * LINEAR // 4 + SQUARE // 4),
    ("tensor and sequence", Layout(tp=4), "none", (34 * LINEAR + SQUARE) // 4),
    ("tensor, selective", Layout(tp=4, sequence=False), "selective", 10 * LINEAR + 24 * LINEAR // 4),
    ("tensor and sequence, selective", Layout(tp=4), "selective", 34 * LINEAR // 4),
    ("full recomputation", Layout(tp=4, sequence=False), "full", 2 * LINEAR),
]


def gpt(layers=LAYERS):
    block = {"num_heads": A, "num_kv_heads": A, "intermediate_size": 4 * H, "gated": False, "norm": "layernorm"}
    return build(ModelSpec.model_validate({
        "hidden_size": H, "vocab_size": 1024, "blocks": {"layer": block},
        "modules": {"layers": {"kind": "layers", "of": ["layer"] * layers}}}))


@pytest.mark.parametrize(("layout", "recompute", "bytes_"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_table_2(layout, recompute, bytes_):
    policy = Policy("eager", recompute, "megatron", "bf16", B)
    [device] = Trainer(gpt(), Recipe()).devices(layout, Tokens(B, S), policy)
    assert device.activations == LAYERS * bytes_


@pytest.mark.parametrize(("pp", "pieces"), [(4, 1), (4, 2), (8, 3), (35, 3)])
def test_the_first_stage_holds_a_whole_model_and_a_bubble(pp, pieces):
    """Section 4.2.3: L layers under 1F1B, L·(1 + (p - 1)/(p·m)) under the interleaved schedule."""
    flight = in_flight(Layout(pp=pp, interleave=pieces), 0)
    assert flight == pp if pieces == 1 else flight * pieces == pp * pieces + pp - 1


def test_a_search_looks_at_the_fullest_stage_not_only_at_the_ends():
    """61 layers on 32 stages: the first has one, others two; the fullest is between them."""
    trainer = Trainer(gpt(61), Recipe())
    layout = Layout(pp=32)
    stages = trainer.stages(layout.plan)
    devices = trainer.devices(layout, Tokens(1, 64), Policy("flash"))
    assert max(device.peak for device in devices) == max(devices[stage].peak for stage in stages)
    assert len(stages) < 6
