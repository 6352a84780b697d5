"""Megatron's accounting of activations against arXiv:2205.05198 table 2, in closed form."""

import pytest

from paramcalc.activations.fold import Tokens
from paramcalc.activations.policy import Policy
from paramcalc.build import build
from paramcalc.estimates.training import Recipe, Trainer
from paramcalc.estimates.training_layout import Layout
from paramcalc.measures.costs import costs
from paramcalc.measures.flops import Workload
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
    flight = Layout(pp=pp, interleave=pieces).in_flight(0)
    assert flight == pp if pieces == 1 else flight * pieces == pp * pieces + pp - 1


def test_a_search_looks_at_the_fullest_stage_not_only_at_the_ends():
    """61 layers on 32 stages: the first has one, others two; the fullest is between them."""
    trainer = Trainer(gpt(61), Recipe())
    layout = Layout(pp=32)
    stages = trainer.stages(layout.plan)
    devices = trainer.devices(layout, Tokens(1, 64), Policy("flash"))
    assert max(device.total for device in devices) == max(devices[stage].total for stage in stages)
    assert len(stages) < 6


# Tables 3 and 5 and section 6.3: heads, width, layers; devices, sequences of an iteration, its seconds; MFU, HFU.
ITERATIONS = [
    ("530B", (128, 20480, 105), (280, 280, 37.83), "56.0", "57.0"),
    ("1T", (160, 25600, 128), (512, 512, 71.49), "56.3", "57.0"),
    ("530B, data parallel", (128, 20480, 105), (2240, 2240, 39.15), "54.2", None),
]
A100 = 312 * 10**12


def gpt3(heads, width, layers):
    return build(ModelSpec.model_validate({
        "vocab_size": 51200, "hidden_size": width, "num_layers": layers, "num_heads": heads, "ffn_ratio": 4,
        "gated": False, "norm": "layernorm", "position": "learned", "max_position_embeddings": 2048,
        "tie_embeddings": True}))


def hardware(totals):
    """The paper's hardware FLOPs, 72·B·L·s·h²·(1 + s/3h + v/12hL): twice the 12·B·s²·h a layer of forward and backward.
    What is done again is only the forward third of that, which is what `again` counts."""
    return totals.training_step + 2 * totals.again


@pytest.mark.parametrize(("shape", "run", "mfu", "hfu"), [row[1:] for row in ITERATIONS],
                         ids=[row[0] for row in ITERATIONS])
def test_table_5(shape, run, mfu, hfu):
    devices, sequences, seconds = run
    most = devices * seconds * A100
    load = Workload(sequences, 2048)
    assert f"{100 * costs(gpt3(*shape).tree, load).training_step / most:.1f}" == mfu
    if hfu:
        assert f"{100 * hardware(costs(gpt3(*shape).tree, load, 'selective')) / most:.1f}" == hfu


@pytest.mark.parametrize(("shape", "scores", "saved", "more"), [((96, 12288, 96), 80, "70", "2.7"),
                                                               ((128, 20480, 105), 64, "65", "1.6")])
def test_what_selective_recomputation_saves_and_costs(shape, scores, saved, more):
    """Section 5, GPT-3 and MT-NLG 530B: 5as/h, the share of activations saved, the share of FLOPs added."""
    heads, width, layers = shape
    model = gpt3(*shape)
    trainer = Trainer(model, Recipe())
    policies = [Policy("eager", recompute, "megatron", "bf16", 1) for recompute in ("none", "selective")]
    sizes = [trainer.devices(Layout(), Tokens(1, 2048), policy)[0].activations for policy in policies]
    layer = 2048 * width * layers
    assert (sizes[0] - sizes[1]) / layer == scores == 5 * heads * 2048 / width
    assert f"{100 * (sizes[0] - sizes[1]) / (34 * layer + scores * layer):.0f}" == saved
    plain, again = (costs(model.tree, Workload(1, 2048), how) for how in ("none", "selective"))
    assert f"{100 * (hardware(again) / plain.training_step - 1):.1f}" == more
