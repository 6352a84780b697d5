"""Whoever raises a problem gives its code: the same fault has the same code in every family, whatever the words."""

import json
from pathlib import Path

import pytest

from paramcalc.checks.rules import rules
from paramcalc.checks.run import check_file
from paramcalc.errors import HEADS, INVALID, KV_HEADS, LAYERS, TOP_K, Problem
from paramcalc.readers.config.published_types import PUBLISHED_TYPES
from paramcalc.readers.families import counted_types

DATA = Path(__file__).parents[1] / "data"
BAD = sorted(path for folder in (DATA / "bad" / "spec", DATA / "bad" / "config", DATA / "rules")
             for path in folder.rglob("*") if path.suffix in (".yaml", ".yml", ".json"))

FAULTS = (
    (LAYERS, "llama", {"layer_types": ["full_attention"]}),
    (LAYERS, "llama", {"layer_types": ["no such kind"] * 32}),
    (LAYERS, "zamba2", {"num_hidden_layers": 10}),
    (LAYERS, "zamba2", {"layers_block_type": ["mamba"]}),
    (LAYERS, "gemma3n_text", {"num_kv_shared_layers": 100}),
    (LAYERS, "gemma3n_text", {"layer_types": ["full_attention"]}),
    (LAYERS, "gemma3n_text", {"intermediate_size": [16384]}),
    (LAYERS, "gemma4_text", {"layer_types": []}),
    (LAYERS, "nemotron_h", {"hybrid_override_pattern": "M?"}),
    (LAYERS, "nemotron_h", {"layers_block_type": ["mamba", "attention"], "num_hidden_layers": 3}),
    (LAYERS, "nemotron_h", {"hybrid_override_pattern": "M*-", "num_hidden_layers": 4}),
    (LAYERS, "gpt_neo", {"attention_types": [[["global"], 3]]}),
    (LAYERS, "longformer", {"attention_window": [512]}),
    (LAYERS, "led", {"attention_window": [512]}),
    (LAYERS, "reformer", {"attn_layers": ["local", "lsh"], "num_hidden_layers": 3}),
    (LAYERS, "deepseek_v4", {"compress_ratios": [0, 4]}),
    (LAYERS, "kimi_linear", {"linear_attn_config": {"full_attn_layers": [1], "kda_layers": [1]}}),
    (LAYERS, "exaone4", {"sliding_window_pattern": "LLX"}),
    (LAYERS, "albert", {"num_hidden_groups": 13}),
    (LAYERS, "mllama_text_model", {"cross_attention_layers": [99]}),
    (LAYERS, "recurrent_gemma", {"block_types": ["attention", "other"]}),
    *((LAYERS, name, {"layer_types": ["full_attention"]})
      for name in ("axk2", "deepseek_v32", "glm_moe_dsa", "hy_v4", "mistral_large4_text")),
    (HEADS, "llama", {"num_attention_heads": 7}),
    (HEADS, "bert", {"num_attention_heads": 7}),
    (HEADS, "xlnet", {"n_head": 7}),
    (HEADS, "mobilebert", {"num_attention_heads": 3}),
    (HEADS, "bart", {"encoder_attention_heads": 7}),
    (HEADS, "convbert", {"num_attention_heads": 14}),
    (HEADS, "mamba2", {"num_heads": 7}),
    (HEADS, "mamba2", {"head_dim": 63}),
    (HEADS, "zamba2", {"n_mamba_heads": 7}),
    (HEADS, "mobilevit", {"num_attention_heads": 7}),
    (KV_HEADS, "llama", {"num_key_value_heads": 5}),
    (KV_HEADS, "qwen3", {"num_key_value_heads": 64}),
    (KV_HEADS, "nemotron_h", {"num_key_value_heads": 7}),
    (KV_HEADS, "mimo_v2_flash", {"num_key_value_heads": 33}),
    (KV_HEADS, "mimo_v2_flash", {"swa_num_key_value_heads": 33}),
    (KV_HEADS, "zaya", {"num_key_value_heads": 5}),
    (TOP_K, "mixtral", {"num_experts_per_tok": 9}),
    (TOP_K, "qwen3_moe", {"num_experts_per_tok": 129}),
    (TOP_K, "dbrx", {"ffn_config": {"moe_top_k": 99}}),
    (TOP_K, "gpt_oss", {"num_experts_per_tok": 999}),
    (TOP_K, "longcat_flash", {"moe_topk": 769, "n_routed_experts": 512, "zero_expert_num": 256, "num_layers": 2,
                              "zero_expert_type": "identity"}),
    (TOP_K, "doge", {"is_moe": True, "num_experts": 16, "num_experts_per_tok": 17}),
    (INVALID, "llama", {"hidden_size": "x"}),
    (INVALID, "llama", {"layer_types": "full_attention"}),
)


def codes(path):
    """The rule and line of everything wrong with a file; what only the words tell apart is one."""
    return {(finding.rule, finding.line) for finding in check_file(path, (), rules())}


@pytest.mark.parametrize(("code", "model_type", "keys"), FAULTS,
                         ids=[f"{model_type}-{next(iter(keys))}" for _, model_type, keys in FAULTS])
def test_same_fault_same_code(code, model_type, keys, tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"model_type": model_type, **keys}))
    assert {rule for rule, _ in codes(path)} == {code}


@pytest.mark.parametrize("model_type", sorted(set(counted_types()) - {*PUBLISHED_TYPES, "esm", "longcat_flash"}))
def test_a_list_of_one_unknown_layer_is_told_as_layers(model_type, tmp_path):
    """Whatever family reads `layer_types`; published types, esm and longcat_flash have sizes without a default."""
    path = tmp_path / "config.json"
    errors = []
    for more in ({}, {"layer_types": ["no such kind"]}):
        path.write_text(json.dumps({"model_type": model_type, **more}))
        errors.append({finding.rule for finding in check_file(path, (), rules()) if finding.severity == "error"})
    assert errors[1] - errors[0] <= {LAYERS, "PC501"}  # some classes have no default for every size


@pytest.mark.parametrize("path", BAD, ids=lambda path: str(path.relative_to(DATA)))
def test_rewording_a_message_changes_no_code(path, monkeypatch):
    worded = codes(path)
    make = Problem.__new__
    monkeypatch.setattr(Problem, "__new__", lambda cls, message, *rest, **more: make(cls, "x", *rest, **more))
    assert codes(path) == worded
