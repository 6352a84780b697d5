"""Drafting with a model's own layers: their weights, their cache, copies of states."""

import pytest

from paramcalc.build import build
from paramcalc.errors import UsageError
from paramcalc.estimates.runtimes import vllm
from paramcalc.estimates.serving import prepare
from paramcalc.estimates.settings import ServingSettings
from paramcalc.readers.config.read import read_config
from paramcalc.readers.models import load

QWEN = {
    "architectures": ["Qwen3_5MoeForConditionalGeneration"], "model_type": "qwen3_5_moe", "text_config": {
        "model_type": "qwen3_5_moe_text", "hidden_size": 3072, "num_hidden_layers": 48, "num_attention_heads": 32,
        "num_key_value_heads": 2, "head_dim": 256, "num_experts": 256, "num_experts_per_tok": 8,
        "moe_intermediate_size": 1024, "shared_expert_intermediate_size": 1024, "vocab_size": 248320,
        "linear_num_key_heads": 16, "linear_num_value_heads": 64, "linear_key_head_dim": 128,
        "linear_value_head_dim": 128, "linear_conv_kernel_dim": 4, "full_attention_interval": 4,
        "mtp_num_hidden_layers": 1, "max_position_embeddings": 262144, "mamba_ssm_dtype": "float32"},
}


def test_the_pool_of_a_log_with_mtp():
    """A log of a 122B in NVFP4 with one drafted token: 24.05 GiB for the cache, 6.42 requests of 262,144 tokens."""
    model = build(read_config(QWEN).spec)
    made = prepare(model, ServingSettings(context=262144, kv_dtype="fp8", runtime="vllm", draft="mtp"))
    layout = vllm.pool(made.stages[0].kinds, made.cache_types, made.runtime.options)
    blocks, each, _ = layout.capacity(int(24.05 * 2**30), 262144, 0, made.runtime.options)
    assert round(blocks / each, 2) == 6.42
    plain = prepare(model, ServingSettings(context=262144, kv_dtype="fp8", runtime="vllm"))
    assert made.stages[0].weights > plain.stages[0].weights


def test_what_has_no_layers_to_draft_with_is_refused():
    model = build(load("llama-3.1-8b").spec)
    with pytest.raises(UsageError, match="no multi-token prediction layers"):
        prepare(model, ServingSettings(draft="mtp"))
    with pytest.raises(UsageError, match="no effect without --draft"):
        prepare(model, ServingSettings(draft_tokens=2))
