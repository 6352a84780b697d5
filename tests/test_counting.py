"""The per-component functions, held to tensors of built classes (tests/oracle: transformers on the meta device)."""

import ast
import json
from inspect import Parameter, signature
from math import prod
from pathlib import Path

import pytest

from paramcalc import counting
from paramcalc.components import component_class
from paramcalc.errors import SpecError

pytestmark = pytest.mark.smoke

RECORDS = Path(__file__).parent / "data" / "oracle"


def record(family, name):
    lines = (RECORDS / f"{family}.jsonl").read_text("utf-8").splitlines()
    return next(entry for line in lines if (entry := json.loads(line))["id"] == name)


def measured(record, prefix):
    """Parameters under a prefix, of one of its layers."""
    tensors = [(prod(shape), copies) for name, shape, copies, _ in record["tensors"] if name.startswith(prefix)]
    assert tensors, prefix
    assert len({copies for _, copies in tensors}) == 1
    return sum(size for size, _ in tensors)


L, B = "model.layers.*.", "backbone.layers.*."
QKV = ("q", "k", "v")
CASES = [
    ("llama", "LlamaForCausalLM", "model.embed_tokens", lambda c: counting.embedding_parameters(
        c["vocab_size"], c["hidden_size"])),
    ("llama", "LlamaForCausalLM", "lm_head", lambda c: counting.head_parameters(c["vocab_size"], c["hidden_size"])),
    ("llama", "LlamaForCausalLM", "model.norm", lambda c: counting.norm_parameters(c["hidden_size"])),
    ("gpt2", "GPT2LMHeadModel", "transformer.ln_f", lambda c: counting.norm_parameters(c["n_embd"], "layernorm")),
    ("gpt2", "GPT2LMHeadModel", "transformer.wpe", lambda c: counting.embedding_parameters(
        c["n_positions"], c["n_embd"])),
    ("gpt2", "GPT2LMHeadModel", "transformer.h.*.mlp", lambda c: counting.feed_forward_parameters(
        c["n_embd"], c["n_inner"] or 4 * c["n_embd"], gated=False, bias=True)),
    ("gpt2", "GPT2LMHeadModel", "transformer.h.*.attn", lambda c: counting.attention_parameters(
        c["n_embd"], c["n_head"], bias=(*QKV, "o"))),
    ("llama", "LlamaForCausalLM", f"{L}self_attn", lambda c: counting.attention_parameters(
        c["hidden_size"], c["num_attention_heads"], c["num_key_value_heads"], c["head_dim"],
        bias=(*QKV, "o") if c["attention_bias"] else ())),
    ("llama", "LlamaForCausalLM", f"{L}mlp", lambda c: counting.feed_forward_parameters(
        c["hidden_size"], c["intermediate_size"], bias=c["mlp_bias"])),
    ("qwen2", "Qwen2ForCausalLM", f"{L}self_attn", lambda c: counting.attention_parameters(
        c["hidden_size"], c["num_attention_heads"], c["num_key_value_heads"], c.get("head_dim"), bias=QKV)),
    ("qwen3_next", "Qwen3NextForCausalLM", f"{L}self_attn", lambda c: counting.attention_parameters(
        c["hidden_size"], c["num_attention_heads"], c["num_key_value_heads"], c["head_dim"], qk_norm="head",
        output_gate="query", bias=(*QKV, "o") if c["attention_bias"] else ())),
    ("gpt_oss", "GptOssForCausalLM", f"{L}self_attn", lambda c: counting.attention_parameters(
        c["hidden_size"], c["num_attention_heads"], c["num_key_value_heads"], c["head_dim"], sinks=True,
        bias=(*QKV, "o") if c["attention_bias"] else ())),
    ("deepseek_v3", "DeepseekV3ForCausalLM", f"{L}self_attn", lambda c: counting.latent_attention_parameters(
        c["hidden_size"], c["num_attention_heads"], c["kv_lora_rank"], c["qk_nope_head_dim"], c["qk_rope_head_dim"],
        c["v_head_dim"], q_lora_rank=c["q_lora_rank"], bias=("q_a", "kv_a", "o") if c["attention_bias"] else ())),
    ("mixtral", "MixtralForCausalLM", f"{L}mlp", lambda c: counting.moe_parameters(
        c["hidden_size"], c["num_local_experts"], c["num_experts_per_tok"], c["intermediate_size"])),
    ("qwen2_moe", "Qwen2MoeForCausalLM", f"{L}mlp", lambda c: counting.moe_parameters(
        c["hidden_size"], c["num_experts"], c["num_experts_per_tok"], c["moe_intermediate_size"],
        shared_size=c["shared_expert_intermediate_size"], shared_gate=True)),
    ("mamba", "MambaForCausalLM", f"{B}mixer", lambda c: counting.mamba_parameters(
        c["hidden_size"], c["intermediate_size"], c["state_size"], c["time_step_rank"], conv_kernel=c["conv_kernel"],
        bias=c["use_bias"], conv_bias=c["use_conv_bias"])),
    ("jamba", "JambaForCausalLM", f"{L}mamba", lambda c: counting.mamba_parameters(
        c["hidden_size"], c["mamba_expand"] * c["hidden_size"], c["mamba_d_state"], c["mamba_dt_rank"],
        conv_kernel=c["mamba_d_conv"], bias=c["mamba_proj_bias"], conv_bias=c["mamba_conv_bias"], dt_norms=True)),
    ("mamba2", "Mamba2ForCausalLM", f"{B}mixer", lambda c: counting.mamba2_parameters(
        c["hidden_size"], c["num_heads"], c["head_dim"], c["state_size"], groups=c["n_groups"],
        conv_kernel=c["conv_kernel"], bias=c["use_bias"], conv_bias=c["use_conv_bias"])),
    ("qwen3_next", "Qwen3NextForCausalLM", f"{L}linear_attn", lambda c: counting.gated_delta_parameters(
        c["hidden_size"], c["linear_num_key_heads"], c["linear_num_value_heads"], c["linear_key_head_dim"],
        c["linear_value_head_dim"], conv_kernel=c["linear_conv_kernel_dim"])),
    ("lfm2", "Lfm2ForCausalLM", f"{L}conv", lambda c: counting.short_conv_parameters(
        c["hidden_size"], c["conv_L_cache"], bias=c["conv_bias"])),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[2]}")
def test_one_layer_of_a_built_class(case):
    family, name, prefix, counted = case
    compared = 0
    for draw in ("default", "draw1", "draw2", "draw3"):
        entry = record(family, f"{draw}__{family}__{name}")
        tensors = [row for row in entry["tensors"] if row[0].startswith(prefix)]
        if len({copies for _, _, copies, _ in tensors}) != 1:  # absent, tied, or layers of two kinds under one name
            continue
        assert counted(entry["config"]) == measured(entry, prefix), draw
        compared += 1
    assert compared


def test_active_leaves_out_the_experts_not_chosen():
    entry = record("mixtral", "default__mixtral__MixtralForCausalLM")
    config = entry["config"]
    layer = counting.moe_parameters(config["hidden_size"], config["num_local_experts"], config["num_experts_per_tok"],
                                    config["intermediate_size"], active=True)
    idle = entry["total"] - entry["active"]
    assert measured(entry, f"{L}mlp") - layer == idle // config["num_hidden_layers"]


def test_a_tied_head_counts_its_bias_alone():
    assert counting.head_parameters(32000, 4096, tied=True) == 0
    assert counting.head_parameters(32000, 4096, tied=True, bias=True) == 32000


def test_any_kind_by_its_fields():
    assert counting.component_parameters("parameter", shape=(3, 5), hidden_size=8) == 15
    assert counting.component_parameters("parameter", shape=(3, 5), buffer=True, hidden_size=8) == 0
    assert counting.component_parameters("rotary", hidden_size=8) == 0


def written_defaults():
    """Of each function, the kind it counts and the defaults of what it hands on by the same name."""
    for node in ast.parse(Path(counting.__file__).read_text("utf-8")).body:
        calls = [call for call in ast.walk(node) if isinstance(call, ast.Call)
                 and ast.unparse(call.func) == "component_parameters" and isinstance(call.args[0], ast.Constant)]
        for call in calls:
            parameters = signature(getattr(counting, node.name)).parameters
            handed = [each.arg for each in call.keywords if ast.unparse(each.value) == each.arg]
            yield from ((call.args[0].value, name, parameters[name].default) for name in handed if name != "active"
                        and parameters[name].default is not Parameter.empty)


def test_defaults_are_those_of_the_component():
    written = list(written_defaults())
    assert len(written) > 20
    assert [(kind, name) for kind, name, default in written
            if default != component_class(kind).model_fields[name].default] == []


WRONG = [
    (lambda: counting.attention_parameters(4096, 32, 7), "7 does not divide num_heads (32)", "1, 2, 4, 8, 16 or 32"),
    (lambda: counting.attention_parameters(0, 32), "hidden_size: Input should be greater than 0", ""),
    (lambda: counting.component_parameters("atention"), "unknown kind 'atention'", "attention"),
    (lambda: counting.component_parameters("ffn", size=8, intermediate_size=8), "size: Extra inputs", ""),
]


@pytest.mark.parametrize("case", WRONG, ids=lambda case: case[1])
def test_refusals(case):
    call, message, hint = case
    with pytest.raises(SpecError) as caught:
        call()
    assert message in str(caught.value)
    assert hint in caught.value.problems[0].hint
