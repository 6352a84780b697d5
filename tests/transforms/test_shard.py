"""One rank's share. Expected values are counted by hand from the shapes in the comments."""

from __future__ import annotations

import pytest

from paramcalc.axes import Axis, Run
from paramcalc.build import build
from paramcalc.errors import UsageError
from paramcalc.measures.parameters import count, rows
from paramcalc.spec.model import ModelSpec
from paramcalc.transforms.shard import Sharding, layer_split, shard

pytestmark = pytest.mark.smoke

DENSE = {"vocab_size": 1000, "hidden_size": 64, "num_layers": 5, "num_heads": 8, "num_kv_heads": 2, "head_dim": 16,
         "intermediate_size": 96}
MOE = {"kind": "moe", "experts": 8, "top_k": 2, "intermediate_size": 32, "shared_size": 64}
SSM = {"kind": "mamba2", "num_heads": 8, "head_dim": 4, "state_size": 16, "groups": 2}
DELTA = {"kind": "gated_delta", "key_heads": 4, "value_heads": 8, "key_dim": 16, "value_dim": 8}


def tree(**more):
    return build(ModelSpec.model_validate(DENSE | more)).tree


def shapes(model, plan, stage=0):
    return {row.name.removeprefix("model.layers.*."): row.shape for row in rows(shard(model, plan, stage))}


@pytest.mark.parametrize(("name", "tp", "shape"), [
    ("self_attn.q_proj.weight", 4, (32, 64)),  # 2 of 8 heads of 16
    ("self_attn.k_proj.weight", 2, (16, 64)),  # 1 of 2 heads of 16
    ("self_attn.k_proj.weight", 4, (16, 64)),  # fewer heads than ranks: one head, held by two ranks
    ("self_attn.o_proj.weight", 4, (64, 32)),  # row parallel
    ("mlp.up_proj.weight", 4, (24, 64)),
    ("mlp.down_proj.weight", 4, (64, 24)),
    ("input_layernorm.weight", 4, (64,)),
    ("model.embed_tokens.weight", 4, (256, 64)),  # 1,000 rows padded to 1,024
    ("lm_head.weight", 8, (128, 64)),
])
def test_tensor_parallel_dense(name, tp, shape):
    assert shapes(tree(), Sharding(tp, vocab_multiple=64))[name] == shape


@pytest.mark.parametrize(("fields", "name", "shape"), [
    ({"fused_qkv": True}, "self_attn.qkv_proj.weight", (2 * 16 + 2 * 16, 64)),  # 2 query heads, 1 key, 1 value
    ({"fused_gate_up": True}, "mlp.gate_up_proj.weight", (48, 64)),
    ({"output_gate": "query"}, "self_attn.q_proj.weight", (64, 64)),  # 2 heads of 16, and as much of the gate
    ({"qk_norm": "full"}, "self_attn.k_norm.weight", (16,)),
    ({"mixer": SSM}, "mixer.in_proj.weight", (8 + 8 + 2 + 2 * 16, 64)),  # z, x, dt of 2 heads; B and C of 1 group
    ({"mixer": SSM}, "mixer.conv1d.weight", (8 + 2 * 16, 1, 4)),
    ({"mixer": SSM}, "mixer.A_log", (2,)),
    ({"mixer": DELTA}, "mixer.in_proj_qkvz.weight", (2 * 16 + 4 * 8, 64)),  # q, k of 1 head; v, z of 2
    ({"mixer": DELTA}, "mixer.in_proj_ba.weight", (4, 64)),
    ({"mixer": DELTA}, "mixer.norm.weight", (8,)),
])
def test_tensor_parallel_divides_whole_heads(fields, name, shape):
    local = shapes(tree(**fields), Sharding(4))
    assert local[name.replace("mixer.", "self_attn.")] == shape


@pytest.mark.parametrize(("plan", "experts", "size", "shared"), [
    (Sharding(4), 8, 8, 16),  # every rank a quarter of every expert
    (Sharding(4, ep=4), 2, 32, 16),  # whole experts
    (Sharding(4, ep=2), 4, 16, 16),  # half of half of them
    (Sharding(1, ep=8), 1, 32, 64),  # attention and shared experts whole on each of 8 devices
    (Sharding(2, ep=4, expert_tp=2), 2, 16, 32),
])
def test_experts(plan, experts, size, shared):
    sharded = shard(tree(moe=MOE), plan)
    by_name = {row.name: row for row in rows(sharded)}
    row = by_name["model.layers.*.mlp.experts.*.up_proj.weight"]
    assert (row.copies, row.shape) == (5 * experts, (size, 64))
    assert by_name["model.layers.*.mlp.shared_experts.up_proj.weight"].shape == (shared, 64)
    assert by_name["model.layers.*.mlp.router.weight"].shape == (8, 64)


@pytest.mark.parametrize(("plan", "devices"), [
    (Sharding(), 1), (Sharding(4), 4), (Sharding(4, ep=4), 4), (Sharding(1, 2, 8), 16), (Sharding(2, ep=4), 4),
    (Sharding(2, ep=4, expert_tp=2), 8),
])
def test_devices(plan, devices):
    assert plan.devices == devices


def test_states_follow_their_axes():
    def states_of(**fields):
        model = shard(tree(**fields), Sharding(4))
        return {s.name: s.shape for path, node, _, _ in model.walk() for s in node.states(path)}

    assert states_of() == {"k": (1, 16), "v": (1, 16)}
    assert states_of(mixer=SSM) == {"conv": (40, 4), "ssm": (2, 4, 16)}
    assert states_of(mixer=DELTA) == {"conv": (2 * 16 + 2 * 8, 4), "delta": (2, 16, 8)}
    latent = {"kind": "latent_attention", "num_heads": 8, "kv_lora_rank": 32, "qk_nope_head_dim": 16,
              "qk_rope_head_dim": 8, "v_head_dim": 16}
    assert states_of(mixer=latent) == {"latent": (32,), "rotary_key": (8,)}


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("pp", [2, 3, 5])
def test_pipeline_stages_hold_the_model_once(pp, tied):
    model = tree(tie_embeddings=tied)
    parts = [count(shard(model, Sharding(pp=pp), stage)) for stage in range(pp)]
    again = 64_000 if tied else 0  # a tied head is held where the embedding is not
    assert sum(part.total for part in parts) == count(model).total + again
    assert [("token_embedding" in part.components, "lm_head" in part.components) for part in parts] == [
        (stage == 0, stage == pp - 1) for stage in range(pp)]


@pytest.mark.parametrize(("layers", "plan", "split"), [
    (32, Sharding(pp=4), (8, 8, 8, 8)),
    (61, Sharding(pp=4), (15, 15, 16, 15)),  # what is left over goes to the last stages but the very last
    (62, Sharding(pp=4), (15, 16, 16, 15)),
    (5, Sharding(pp=2, stages=(2, 3)), (2, 3)),
])
def test_layer_split(layers, plan, split):
    assert layer_split(layers, plan) == split


def test_a_model_without_layers_is_one_stage():
    assert layer_split(0, Sharding()) == (0,)
    with pytest.raises(UsageError, match="pp 2 is more than 0 layers"):
        layer_split(0, Sharding(pp=2))


def test_a_stage_keeps_the_order_of_its_layers():
    blocks = {"a": {"window": 8}, "b": {}}
    model = tree(num_layers=6, blocks=blocks, layers=["a", "a", "b", "a", "a", "b"])
    last = shard(model, Sharding(pp=2), 1)
    stack = next(child for child in last.children if child.order)
    assert stack.order == (0, 0, 1)
    assert [(child.stored, child.used) for child in stack.children] == [(2, 2), (1, 1)]


@pytest.mark.parametrize(("fields", "plan", "message", "hint"), [
    ({}, Sharding(3), "tp 3 does not divide 8 heads", "tp 1, 2, 4 or 8 does"),
    ({"num_heads": 14, "num_kv_heads": 2}, Sharding(4), "tp 4 does not divide 14 heads", "tp 1 or 2 does"),
    ({"moe": MOE}, Sharding(ep=3), "ep 3 does not divide 8 experts", "ep 1, 2, 4 or 8 does"),
    ({}, Sharding(pp=6), "pp 6 is more than 5 layers", "pp of at most 5"),
    ({"moe": MOE}, Sharding(ep=16), "ep 16 does not divide 8 experts", "ep 1, 2, 4 or 8 does"),
    ({"num_heads": 5, "num_kv_heads": 5, "head_dim": 8, "intermediate_size": 33, "vocab_size": 7}, Sharding(2),
     "tp 2 does not divide 33 feed-forward channels", "only tp 1 does"),
    ({}, Sharding(pp=2, stages=(1, 1)), "stages of (1, 1) layers are not 2 stages of 5 layers", ""),
])
def test_what_does_not_divide_is_refused(fields, plan, message, hint):
    with pytest.raises(UsageError) as caught:
        shard(tree(**fields), plan)
    problem = next(p for p in caught.value.problems if p.message == message)
    assert problem.hint == hint


def test_no_plan_is_no_change():
    model = tree()
    assert shard(model, Sharding()) is model


def test_an_axis_is_its_first_name():
    assert Axis(Run("heads", 4, 16), Run("kv_heads", 2, 32)) == "heads"


@pytest.mark.parametrize("stage", [-1, 2])
def test_a_stage_there_is_not_is_refused(stage):
    with pytest.raises(UsageError, match=f"there is no stage {stage} of 2"):
        shard(tree(), Sharding(pp=2), stage)


def test_a_stage_has_only_the_stacks_its_layers_are_in():
    part = {"mlp": {"kind": "ffn", "intermediate_size": 8}}
    spec = {"hidden_size": 4, "blocks": {"a": {"parts": part}}, "modules": {
        "below": {"kind": "layers", "of": ["a", "a"]}, "above": {"kind": "layers", "of": ["a", "a"]},
        "norm": {"kind": "rmsnorm"}}}
    model = build(ModelSpec.model_validate(spec)).tree
    names = [[row.name.split(".")[0] for row in rows(shard(model, Sharding(pp=2), stage))] for stage in (0, 1)]
    assert [list(dict.fromkeys(by_stage)) for by_stage in names] == [["below"], ["above", "norm"]]
