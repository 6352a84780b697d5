"""Multi-token prediction stands apart: DeepSeek-V3's module, as its README_WEIGHTS.md describes it.

Source: https://github.com/deepseek-ai/DeepSeek-V3/blob/main/README_WEIGHTS.md: 671B in the main model; a prediction
module of 11.5B (a layer like the last, where it leaves out what joins its two inputs) beside the embedding and the head
it shares, 0.9B each; 685B in the files, which hold those two again; it stands at model.layers.61, after the 61 layers.
"""

import json
from pathlib import Path

import pytest

from paramcalc.build import build
from paramcalc.measures.parameters import count, rows
from paramcalc.readers.config.read import read_config

CONFIGS = Path(__file__).parent.parent / "data" / "evidence" / "quantized" / "configs"
V3 = {"model_type": "deepseek_v3", "architectures": ["DeepseekV3ForCausalLM"], "hidden_size": 7168,
      "num_hidden_layers": 61, "num_attention_heads": 128, "q_lora_rank": 1536, "kv_lora_rank": 512,
      "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "intermediate_size": 18432,
      "moe_intermediate_size": 2048, "n_routed_experts": 256, "n_shared_experts": 1, "num_experts_per_tok": 8,
      "first_k_dense_replace": 3, "vocab_size": 129280, "tie_word_embeddings": False, "num_nextn_predict_layers": 1}


def test_deepseek_v3():
    model = build(read_config(V3).spec)
    assert count(model.tree).total == 671_026_404_352
    total = count(model.apart["mtp"]).total
    assert round((total - 2 * 7168**2) / 1e9, 1) == 11.5
    assert 684.4e9 < count(model.tree).total + total + 2 * 129280 * 7168 < 685e9
    names = {row.name.removeprefix("model.layers.*.") for row in rows(model.apart["mtp"])}
    assert {"enorm.weight", "hnorm.weight", "eh_proj.weight", "shared_head.norm.weight", "input_layernorm.weight",
            "self_attn.kv_b_proj.weight", "mlp.experts.*.up_proj.weight", "mlp.gate.weight"} <= names
    assert not {"embed_tokens.weight", "shared_head.head.weight"} & names  # held once, with the model's own
    assert next(row.shape for row in rows(model.apart["mtp"]) if row.name.endswith("eh_proj.weight")) == (7168, 14336)


@pytest.mark.parametrize(("change", "layers"), [
    ({"num_nextn_predict_layers": 0}, 0), ({"num_nextn_predict_layers": 3}, 3), ({"model_type": "kimi_k2"}, 1),
    ({"architectures": ["DeepseekV3Model"]}, 0),
])
def test_how_many(change, layers):
    apart = build(read_config(V3 | change).spec).apart
    assert (rows(apart["mtp"])[0].copies if apart else 0) == layers


def test_silent_config_has_none():
    silent = {key: value for key, value in V3.items() if key != "num_nextn_predict_layers"}
    assert build(read_config(silent).spec).apart == {}


def test_deepseek_v4():
    """The release holds 1,575 tensors below mtp.0, of which 778 are scales: of 768 expert matrices, five of attention,
    three of the shared expert, both projections (deepseek-ai/DeepSeek-V4-Flash, model-00046-of-00046.safetensors)."""
    config = json.loads((CONFIGS / "deepseek-v4-flash.json").read_text("utf-8"))
    apart = rows(build(read_config(config).spec).apart["mtp"])
    assert sum(row.copies for row in apart) == 1575 - 778
    names = {row.name.removeprefix("mtp.*.") for row in apart}
    assert {"e_proj.weight", "h_proj.weight", "enorm.weight", "hnorm.weight", "norm.weight", "hc_head_fn",
            "hc_attn_fn", "ffn.gate.bias"} <= names
    assert not any("compressor" in name or "indexer" in name for name in names)


MELLUM = {"model_type": "mellum", "architectures": ["MellumForCausalLM"], "hidden_size": 64, "num_hidden_layers": 4,
          "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "num_experts": 4, "vocab_size": 128,
          "moe_intermediate_size": 32, "num_experts_per_tok": 2}


def test_mellum_predicts_with_a_layer_of_experts():
    """Norms of token and state, their projection, a norm: transformers' MtpLayer around a layer of the model."""
    apart = build(read_config(MELLUM | {"num_mtp_layers": 1}).spec).apart["mtp"]
    layer = 64 * 64 * 2 + 2 * 64 * 32 + 2 * 16 + 4 * 64 + 4 * 3 * 64 * 32 + 2 * 64
    assert count(apart).total == layer + 2 * 64**2 + 3 * 64
    assert {"mtp.fc.weight", "mtp.layers.*.mlp.gate.weight", "mtp.pre_fc_norm_hidden.weight"} <= {
        row.name for row in rows(apart)}
    assert build(read_config(MELLUM).spec).apart == {}


def test_glm_predicts_with_an_indexer_of_its_own():
    """GLM-5.2's last layers share an indexer; the hub's total holds one more in its prediction layer."""
    spec = {"model_type": "glm_moe_dsa", "architectures": ["GlmMoeDsaForCausalLM"], "num_hidden_layers": 4,
            "num_nextn_predict_layers": 1, "indexer_types": ["full", "shared", "shared", "shared"],
            "index_n_heads": 4, "index_head_dim": 8, "q_lora_rank": 16, "hidden_size": 64}
    names = {row.name for row in rows(build(read_config(spec).spec).apart["mtp"])}
    assert "model.layers.*.self_attn.indexer.wq_b.weight" in names
