"""Model types that files say and the library does not know."""

from paramcalc.build import build
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
    found = count(tree)
    assert (round(found.total / 1e9, 1), round(found.active / 1e9, 1)) == (16.4, 2.8)
    assert {"model.layers.*.mlp.experts.*.up_proj.weight", "model.layers.*.mlp.shared_experts.up_proj.weight",
            "model.layers.*.mlp.gate.weight"} <= {row.name for row in rows(tree)}


def test_kimi_k2_is_read_as_deepseek_v3():
    config = {"model_type": "deepseek_v3", "architectures": ["DeepseekV3ForCausalLM"]}
    found = read_config(config | {"model_type": "kimi_k2"}).spec
    assert found.family == "kimi_k2"
    assert rows(build(found).tree) == rows(build(read_config(config).spec).tree)
