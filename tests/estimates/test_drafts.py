"""Drafting with a model's own layers: their weights, their cache, copies of states."""

import pytest

from paramcalc.build import build
from paramcalc.errors import UsageError
from paramcalc.estimates.runtimes import vllm
from paramcalc.estimates.serving import prepare
from paramcalc.estimates.settings import ServingSettings
from paramcalc.measures.cache import Serving
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
    drafting = prepare(model, ServingSettings(context=262144, kv_dtype="fp8", runtime="vllm", draft="mtp"))
    layout = vllm.pool(drafting.stages[0].kinds, drafting.cache_types, drafting.runtime.options)
    blocks, each, _ = layout.capacity(int(24.05 * 2**30), 262144, 0, drafting.runtime.options)
    assert round(blocks / each, 2) == 6.42
    plain = prepare(model, ServingSettings(context=262144, kv_dtype="fp8", runtime="vllm"))
    assert drafting.stages[0].weights > plain.stages[0].weights


def test_what_has_no_layers_to_draft_with_is_refused():
    model = build(load("llama-3.1-8b").spec)
    with pytest.raises(UsageError, match="no multi-token prediction layers"):
        prepare(model, ServingSettings(draft="mtp"))
    with pytest.raises(UsageError, match="no effect without --draft"):
        prepare(model, ServingSettings(draft_tokens=2))


def prepared(model, **settings):
    name = settings.get("draft")
    return prepare(model_of(model), ServingSettings(**settings), draft=None if name is None else model_of(name))


def model_of(name):
    return build(load(name).spec)


def test_a_model_that_drafts_adds_its_weights_and_its_cache():
    alone, drafted = prepared("llama-3.1-70b"), prepared("llama-3.1-70b", draft="llama-3.2-1b")
    parts, beside = alone.parts(Serving(4096))[0], drafted.parts(Serving(4096))[0]
    assert beside.weights - parts.weights == 2 * 1_235_814_400
    assert beside.cache - parts.cache == 4096 * 16 * 2 * 8 * 64 * 2
    assert drafted.on_disk == alone.on_disk


def test_pages_of_two_widths_stand_for_all_layers():
    ready = prepare(model_of("llama-3.1-70b"), ServingSettings(draft="llama-3.2-1b"), "vllm", model_of("llama-3.2-1b"))
    (line,) = ready.cache(ready.stages[0], Serving(4096)).lines
    assert line.layers == 80 + 16


def test_a_model_that_drafts_is_not_divided_into_stages():
    with pytest.raises(UsageError, match="stages divide a draft model"):
        prepared("llama-3.1-70b", draft="llama-3.2-1b", pp=2)


def test_adapters_take_what_engines_hold_for_them():
    """Rank times inputs and outputs of each matrix, for each of four slots; A of column-parallel matrices is whole."""
    alone, adapted = prepared("llama-3.1-8b"), prepared("llama-3.1-8b", loras=4, lora_rank=16)
    sides = (4096 + 4096) * 2 + 2 * (4096 + 1024) + 3 * (4096 + 14336)
    assert adapted.parts(Serving(4096))[0].weights - alone.parts(Serving(4096))[0].weights == 4 * 16 * sides * 32 * 2
    undivided, half = (prepared("llama-3.1-8b", loras=4, tp=tp).parts(Serving(16))[0].weights
                   - prepared("llama-3.1-8b", tp=tp).parts(Serving(16))[0].weights for tp in (1, 2))
    inputs = 5 * 4096  # of q, k, v, gate and up: A replicated on each device; and as many outputs of B of o and down
    assert half == (undivided + 4 * 16 * 32 * 2 * (inputs + 2 * 4096)) // 2
    assert adapted.stages[0].widths == alone.stages[0].widths


def test_data_parallel_parts_share_the_batch_and_the_experts():
    alone, shared = prepared("qwen3-30b-a3b"), prepared("qwen3-30b-a3b", dp=4, ep=4)
    one, part = alone.parts(Serving(4096, 8))[0], shared.parts(Serving(4096, 8))[0]
    experts = 2 * 48 * 128 * 3 * 2048 * 768
    assert part.weights == one.weights - experts + experts // 4
    assert part.cache == one.cache // 4
    assert shared.devices == 4
    divided = prepared("qwen3-30b-a3b", dp=4).parts(Serving(4096, 8))[0]
    assert divided.weights == part.weights  # a quarter of each expert
    with pytest.raises(UsageError, match="ep 2 is not dp 4 × tp 1"):
        prepared("qwen3-30b-a3b", dp=4, ep=2)


def test_options_of_adapters_go_together():
    with pytest.raises(UsageError, match="--lora-rank has no effect"):
        prepared("llama-3.1-8b", lora_rank=8)
