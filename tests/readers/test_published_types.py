"""Model types that files say and the library does not know."""

import json

import pytest

import paramcalc
from paramcalc.build import build
from paramcalc.components.layout import unroll
from paramcalc.errors import SpecError
from paramcalc.measures.certainty import size_certainty
from paramcalc.measures.parameters import count, rows
from paramcalc.readers.config.read import read_config

DEEPSEEK_MOE = {
    "model_type": "deepseek", "architectures": ["DeepseekForCausalLM"], "hidden_size": 2048, "num_hidden_layers": 28,
    "num_attention_heads": 16, "num_key_value_heads": 16, "intermediate_size": 10944, "moe_intermediate_size": 1408,
    "n_routed_experts": 64, "n_shared_experts": 2, "num_experts_per_tok": 6, "first_k_dense_replace": 1,
    "moe_layer_freq": 1, "vocab_size": 102400, "tie_word_embeddings": False}
"""DeepSeekMoE 16B: arXiv:2401.06066, section 5.1.2: 28 layers of 2048, 2 shared and 64 routed experts of which 6 are
chosen, the first layer dense, about 16.4B parameters of which about 2.8B are active for a token."""


def test_deepseek_moe():
    tree = build(read_config(DEEPSEEK_MOE).spec).tree
    counts = count(tree)
    assert (round(counts.total / 1e9, 1), round(counts.active / 1e9, 1)) == (16.4, 2.8)
    assert {"model.layers.*.mlp.experts.*.up_proj.weight", "model.layers.*.mlp.shared_experts.up_proj.weight",
            "model.layers.*.mlp.gate.weight"} <= {row.name for row in rows(tree)}


def test_kimi_k2_is_read_as_deepseek_v3():
    config = {"model_type": "deepseek_v3", "architectures": ["DeepseekV3ForCausalLM"]}
    spec = read_config(config | {"model_type": "kimi_k2"}).spec
    assert spec.family == "kimi_k2"
    assert rows(build(spec).tree) == rows(build(read_config(config).spec).tree)


PARAMS = {"dim": 64, "n_layers": 2, "n_heads": 4, "norm_eps": 1e-5, "multiple_of": 32, "vocab_size": 100}
GRANITE_VISION = {"model_type": "granite4_vision", "architectures": ["Granite4VisionForConditionalGeneration"],
                  "downsample_rate": "4/8", "deepstack_layer_map": [[-1, 0]]}
LATENT = PARAMS | {
    "hidden_dim": 96, "q_lora_rank": 24, "kv_lora_rank": 16, "qk_nope_head_dim": 12, "qk_rope_head_dim": 4,
    "v_head_dim": 16, "yarn": {}, "llama_4_scaling": {}, "moe": {
        "num_experts": 4, "num_experts_per_tok": 2, "num_shared_experts": 1, "expert_hidden_dim": 32,
        "first_k_dense_replace": 1, "route_every_n": 1, "routed_scale": 1.0}}
"""A params.json of the kind of Mistral Large 3's."""
MAMBA = {"d_model": 64, "n_layer": 2, "vocab_size": 100, "ssm_cfg": {}, "rms_norm": True}


@pytest.mark.parametrize(("data", "name"), [
    (PARAMS, "layers.*.attention.wq.weight"), (MAMBA, "backbone.layers.*.mixer.in_proj.weight"),
    (PARAMS | {"moe": {"num_experts": 4, "num_experts_per_tok": 2}}, "layers.*.feed_forward.experts.*.w1.weight"),
])
def test_files_of_a_model_s_own_code_are_models(data, name, tmp_path):
    path = tmp_path / "params.json"
    path.write_text(json.dumps(data), "utf-8")
    model = paramcalc.build_model(str(path))
    assert name in {row.name for row in rows(model.tree)}
    assert model.spec.unread == ()


@pytest.mark.parametrize(("data", "key", "message"), [
    (PARAMS | {"vocab_size": -1}, "vocab_size", "leaves it to the tokenizer"),
    (PARAMS | {"moe": {"num_experts": 4}}, "moe", "expected a mapping with num_experts and num_experts_per_tok"),
    (PARAMS | {"moe": {"num_experts": 4, "num_experts_per_tok": "2"}}, "moe",
     "expected an integer of at least 1, found the string"),
    (PARAMS | {"sliding_window": [8, "16"]}, "sliding_window", "expected an integer"),
    (PARAMS | {"vision_encoder": 4}, "vision_encoder", "expected a mapping"),
    ({"model_type": "moondream1", "architectures": ["HfMoondream"], "config": {"text": {}}}, "config", "not known"),
    (MAMBA | {"attn_layer_idx": [1]}, "attn_layer_idx", "are not known"),
    (MAMBA | {"ssm_cfg": {"width": 1}}, "ssm_cfg", "expected a mapping of"),
])
def test_what_their_files_leave_open_is_refused(data, key, message):
    with pytest.raises(SpecError, match=message) as caught:
        read_config(data)
    assert caught.value.problems[0].path == (key,)


def test_an_unverified_type_answers_a_bound():
    config = {"model_type": "arctic", "architectures": ["ArcticForCausalLM"], "hidden_size": 64, "vocab_size": 100,
              "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 32}
    spec = read_config(config).spec
    assert size_certainty(spec) == "bound"
    assert "not verified" in spec.caveats[0].reason


# The names vLLM's model_executor/models/mistral_large_3.py maps to DeepSeek-V3's, and the shapes those have.
LATENT_SHAPES = {
    "layers.*.attention.wq_a.weight": (24, 64), "layers.*.attention.q_a_norm.weight": (24,),
    "layers.*.attention.wq_b.weight": (64, 24), "layers.*.attention.wkv_a_with_mqa.weight": (20, 64),
    "layers.*.attention.kv_a_norm.weight": (16,), "layers.*.attention.wkv_b.weight": (112, 16),
    "layers.*.attention.wo.weight": (64, 64), "layers.*.feed_forward.w1.weight": (96, 64),
    "layers.*.gate.weight": (4, 64), "layers.*.shared_experts.w2.weight": (64, 32),
    "layers.*.experts.*.w3.weight": (32, 64), "tok_embeddings.weight": (100, 64), "output.weight": (100, 64)}


def test_params_json_of_latent_attention_and_shared_experts():
    spec = read_config(LATENT).spec
    assert spec.unread == ()
    shapes = {row.name: row.shape for row in rows(build(spec).tree)}
    assert LATENT_SHAPES.items() <= shapes.items()


def test_windows_of_params_json_may_be_listed():
    """Ministral 8B's: every fourth layer sees everything."""
    spec = read_config(PARAMS | {"n_layers": 8, "sliding_window": [None, 32, 32, 32]}).spec
    assert {name: block.window for name, block in spec.blocks.items()} == {"full": None, "near_32": 32}
    assert unroll(spec.layers) == ["full", "near_32", "near_32", "near_32"] * 2


def test_a_recording_s_encoder_in_params_json_is_uncounted():
    assert read_config(PARAMS | {"multimodal": {"whisper_model_args": {}}}).spec.uncounted == ("multimodal",)


@pytest.mark.parametrize("change", [{"downsample_rate": "4"}, {"deepstack_layer_map": None}])
def test_projectors_of_granite_vision_that_nobody_can_size_are_uncounted(change):
    assert read_config(GRANITE_VISION).spec.uncounted == ()
    assert "qformer_config (blip_2_qformer)" in read_config(GRANITE_VISION | change).spec.uncounted
