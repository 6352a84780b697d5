"""Layer patterns and odd keys of hybrid families: what the file says in one spelling is what it says in another."""

import json
from pathlib import Path

import pytest

from paramcalc.build import build
from paramcalc.components.layout import unroll
from paramcalc.errors import SpecError
from paramcalc.measures.parameters import count
from paramcalc.measures.weights import weight_bytes
from paramcalc.readers.config.read import read_config
from paramcalc.spec.caveats import level_of
from paramcalc.transforms.formats import in_formats

RECORDS = Path(__file__).parent.parent / "data" / "oracle"
NEMOTRON = {"model_type": "nemotron_h", "architectures": ["NemotronHForCausalLM"]}
KIMI = {"model_type": "kimi_linear", "architectures": ["KimiLinearForCausalLM"], "num_hidden_layers": 4}


def default(model_type):
    with (RECORDS / f"{model_type}.jsonl").open(encoding="utf-8") as lines:
        return json.loads(next(lines))["config"]


def words(config):
    return unroll(read_config(config).spec.layers)


@pytest.mark.parametrize(("one", "other"), [
    (NEMOTRON, NEMOTRON | {"hybrid_override_pattern": "ME*-"}),
    (NEMOTRON | {"hybrid_override_pattern": "M*E-M"},
     NEMOTRON | {"layers_block_type": ["mamba", "attention", "moe", "mlp", "linear_attention"]}),
    (KIMI | {"linear_attn_config": {"full_attn_layers": [2, 4], "kda_layers": [1, 3]}},
     KIMI | {"layer_types": ["linear_attention", "full_attention"] * 2}),
    (KIMI | {"linear_attn_config": {"head_dim": 64, "num_heads": 8, "short_conv_kernel_size": 3}},
     KIMI | {"linear_head_dim": 64, "linear_num_heads": 8, "linear_conv_kernel_dim": 3}),
    ({"model_type": "lfm2", "num_hidden_layers": 3, "full_attn_idxs": [1], "block_ff_dim": 600},
     {"model_type": "lfm2", "layer_types": ["conv", "full_attention", "conv"], "num_hidden_layers": 3,
      "intermediate_size": 600}),
    ({"model_type": "mamba", "expand": 3}, {"model_type": "mamba", "expand": 16, "intermediate_size": 2304}),
    ({"model_type": "mamba", "time_step_rank": "auto"}, {"model_type": "mamba", "time_step_rank": 48}),
    ({"model_type": "qwen3_next", "full_attention_interval": 4, "num_hidden_layers": 8},
     {"model_type": "qwen3_next", "layer_types": (["linear_attention"] * 3 + ["full_attention"]) * 2,
      "num_hidden_layers": 8}),
    ({"model_type": "bamba", "num_hidden_layers": 3, "mamba_d_head": "auto"},
     {"model_type": "bamba", "num_hidden_layers": 3, "mamba_d_head": 64}),
])
def test_two_spellings_say_the_same(one, other):
    assert count(build(read_config(one).spec).tree) == count(build(read_config(other).spec).tree)


def test_letters_of_nemotron_h():
    assert words(NEMOTRON | {"hybrid_override_pattern": "M*E-M"}) == ["linear", "full", "moe", "mlp", "linear"]


@pytest.mark.parametrize(("config", "key", "says"), [
    (NEMOTRON | {"hybrid_override_pattern": "M?"}, ("hybrid_override_pattern", 1), "unknown letter"),
    (NEMOTRON | {"layers_block_type": ["mamba", "moo"]}, ("layers_block_type", 1), "unknown layer kind"),
    (NEMOTRON | {"layers_block_type": []}, ("layers_block_type",), "1 to 4,096 layers"),
    (KIMI | {"linear_attn_config": 3}, ("linear_attn_config",), "mapping"),
    (KIMI | {"linear_attn_config": {"full_attn_layers": 2, "kda_layers": [1]}}, ("linear_attn_config",), "lists"),
    (KIMI | {"linear_attn_config": {"full_attn_layers": [2], "kda_layers": [1]}}, ("linear_attn_config",), "layer 3"),
    (KIMI | {"linear_attn_config": {"head_dim": "64"}}, ("linear_attn_config",), "integers"),
    ({"model_type": "bamba", "mamba_d_head": 63}, ("mamba_d_head",), "inner width"),
    ({"model_type": "falcon_h1", "mamba_n_heads": 3}, ("mamba_n_heads",), "does not divide"),
    ({"model_type": "recurrent_gemma", "block_types": ["mlp"]}, ("block_types", 0), "unknown layer kind"),
    ({"model_type": "zamba2", "num_hidden_layers": 9}, ("layers_block_type",), "9 layers"),
])
def test_what_cannot_be_is_refused_at_its_key(config, key, says):
    with pytest.raises(SpecError) as error:
        read_config(config)
    assert error.value.problems[0].path == key
    assert says in error.value.problems[0].message


def test_a_shared_block_is_held_once_and_visited_at_each_use():
    tree = build(read_config(default("zamba") | {"tie_word_embeddings": True}).spec).tree
    shared = [(node.part, stored, used) for path, node, stored, used in tree.walk() if path.endswith("f.self_attn")]
    assert sum(stored for _, stored, _ in shared) == 1
    assert sum(used for _, _, used in shared) == 13
    counts = count(tree)
    assert counts.active == counts.total


# Hugging Face shows 81,324,862,720 parameters for Qwen/Qwen3-Next-80B-A3B-Instruct, its prediction layer included.
def test_prediction_layers_of_qwen3_next_make_up_what_its_files_hold():
    model = build(read_config(default("qwen3_next") | {"vocab_size": 151936, "intermediate_size": 5120}).spec)
    assert count(model.tree).total + count(model.apart["mtp"]).total == 81_324_862_720


# Parameters Hugging Face shows for files whose configs speak the older words: LiquidAI/LFM2-1.2B, and
# moonshotai/Kimi-Linear-48B-A3B-Base with its 26 layers' correction biases.
LFM2 = {"model_type": "lfm2", "architectures": ["Lfm2ForCausalLM"], "block_auto_adjust_ff_dim": True,
        "block_ff_dim": 12288, "block_ffn_dim_multiplier": 1.0, "block_multiple_of": 256, "conv_L_cache": 3,
        "conv_bias": False, "full_attn_idxs": [2, 5, 8, 10, 12, 14], "hidden_size": 2048, "num_attention_heads": 32,
        "num_heads": 32, "num_hidden_layers": 16, "num_key_value_heads": 8, "vocab_size": 65536, "block_dim": 2048}
LINEAR_ATTN = {"full_attn_layers": [4, 8, 12, 16, 20, 24, 27], "head_dim": 128, "num_heads": 32,
               "kda_layers": [i for i in range(1, 27) if i % 4], "short_conv_kernel_size": 4}


@pytest.mark.parametrize(("config", "values"), [
    (LFM2, 1_170_340_608),
    (KIMI | {"num_hidden_layers": 27, "linear_attn_config": LINEAR_ATTN, "mla_use_nope": True}, 49_122_681_728),
])
def test_published_spellings(config, values):
    read = read_config(config)
    counts = count(build(read.spec).tree)
    assert counts.total + counts.buffers == values
    assert read.unknown == ()


# Of the headers of moonshotai/Kimi-K3's 96 files (Hudabey/theseus, reports, phase 3), each family times its shape and
# type: 1,446,456,066,048 bytes of packed experts and scales, 1,560,860,324,864 in all, of which 22,080,000 are the
# second halves of float32 values of the delta rule (A_log, dt_bias, o_norm and the convolutions).
def test_only_the_experts_of_kimi_k3_are_packed():
    with (RECORDS.parent / "published_configs.jsonl").open(encoding="utf-8") as lines:
        [config] = (record["config"] for record in map(json.loads, lines) if record["preset"] == "kimi-k3")
    spec = read_config(config).spec
    weights = weight_bytes(in_formats(build(spec)).tree)
    assert weights.total == 1_560_860_324_864 - 22_080_000
    assert weights.formats["mxfp4"] == 1_446_456_066_048
    assert level_of(spec.caveats, "weights") == "exact"


def test_layers_of_mistral_large_4_that_take_earlier_keys_are_refused():
    config = default("mistral_large4_text") | {"num_hidden_layers": 3, "kv_source_layers": [0, 1, 0]}
    for key in ("layer_types", "indexer_types", "no_rope_layers", "mlp_layer_types"):
        del config[key]
    with pytest.raises(SpecError, match="kv_source_layers"):
        read_config(config)
    own = read_config(config | {"kv_source_layers": [0, 1, 2]}).spec
    assert count(build(own).tree).components["attention"][0] > 0


@pytest.mark.parametrize(("values", "total"), [
    ({"layers_block_type": ["mamba", "hybrid"] * 2}, 430_144_096),
    ({"layer_types": ["mamba", "hybrid"] * 2}, 450_787_936),
    ({"layer_types": ["mamba", "hybrid"] * 2, "hybrid_layer_ids": [1, 3]}, 430_144_096),
    ({"layers_block_type": ["mamba", "hybrid"] * 2, "hybrid_layer_ids": [1]}, 427_194_976),
    ({"layer_types": ["mamba", "hybrid"] * 2, "num_mem_blocks": 2, "use_shared_attention_adapter": True}, 656_578_656),
    ({"layer_types": ["mamba", "hybrid"] * 2, "num_mem_blocks": 2, "tie_word_embeddings": False}, 703_109_216),
])
def test_adapters_of_zamba2_are_as_many_as_its_class_builds(values, total):
    """Totals of Zamba2ForCausalLM of transformers 5.24.0: it counts hybrid layers before it reads `layer_types`."""
    spec = read_config({"model_type": "zamba2", "architectures": ["Zamba2ForCausalLM"], "num_hidden_layers": 4}
                       | values).spec
    assert count(build(spec).tree).total == total
    assert any("as the class builds them" in note for note in spec.notes) == (total != 430_144_096)


@pytest.mark.parametrize(("values", "total"), [
    ({"model_type": "deepseek_v2", "architectures": ["DeepseekV2ForCausalLM"], "n_shared_experts": 0, "mlp_bias": True,
      "n_routed_experts": 64, "num_experts_per_tok": 6, "first_k_dense_replace": 1}, 36_534_445_568),
    ({"model_type": "aria_text", "architectures": ["AriaTextForCausalLM"], "moe_num_shared_experts": 0,
      "mlp_bias": True}, 15_295_975_424),
    ({"model_type": "aria_text", "architectures": ["AriaTextForCausalLM"], "moe_num_shared_experts": 0},
     15_295_844_352),
    ({"model_type": "unlimited_ocr_text", "architectures": ["UnlimitedOcrTextModel"], "n_shared_experts": 0,
      "mlp_bias": True}, 2_693_590_656),
    ({"model_type": "ernie4_5_moe", "architectures": ["Ernie4_5_MoeForCausalLM"], "moe_num_shared_experts": 0,
      "use_bias": True}, 21_188_730_560),
    ({"model_type": "ernie4_5_vl_moe_text", "architectures": ["Ernie4_5_VLMoeTextModel"], "moe_num_shared_experts": 0,
      "use_bias": True}, 27_987_825_024),
])
def test_no_shared_experts_leave_the_bias_of_their_result_where_the_class_builds_them(values, total):
    """Totals of transformers 5.24.0. Ernie 4.5's classes build none."""
    assert count(build(read_config(values).spec).tree).total == total
