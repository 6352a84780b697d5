"""Adapters against what peft prints as trainable and as all parameters.

Printed by `print_trainable_parameters()` in public notebooks and logs:
huggingface/peft README and docs (mt0-large, bloomz-560m), llama-7b with q and v at rank 8 (6,742,609,920 in all),
Llama-3-8B on all linear layers at rank 16, pythia-410m in bitsandbytes nf4.
"""

import pytest

from paramcalc.build import build
from paramcalc.errors import UsageError
from paramcalc.measures.parameters import count, rows
from paramcalc.readers.models import load
from paramcalc.spec.model import ModelSpec
from paramcalc.transforms.lora import Lora, adapt, trainable_parameters, with_lora

ALL = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
LLAMA_7B = {"vocab_size": 32000, "hidden_size": 4096, "num_layers": 32, "num_heads": 32, "intermediate_size": 11008}
LLAMA_8B = {"vocab_size": 128256, "hidden_size": 4096, "num_layers": 32, "num_heads": 32, "num_kv_heads": 8,
            "intermediate_size": 14336}
PRINTED = [
    (LLAMA_7B, 8, ("q_proj", "v_proj"), 4_194_304, 6_742_609_920),
    (LLAMA_8B, 16, ALL, 41_943_040, 8_072_204_288),
    (LLAMA_8B, 16, ("all-linear",), 41_943_040, 8_072_204_288),
    ("bloom-560m", 8, ("query_key_value",), 786_432, 560_001_024),
    ("mt0-large", 8, ("q", "v"), 2_359_296, 1_231_940_608),
    ("pythia-410m", 8, ("query_key_value",), 786_432, 406_120_448),
]
"""pythia-410m: 405,334,016 and the adapters; mt0-large is mt5-large, whose head is its own."""
MT0_LARGE = {"model_type": "mt5", "architectures": ["MT5ForConditionalGeneration"], "d_model": 1024, "d_ff": 2816,
             "d_kv": 64, "num_layers": 24, "num_heads": 16, "vocab_size": 250112, "feed_forward_proj": "gated-gelu",
             "tie_word_embeddings": False}
BLOOM = {"model_type": "bloom", "architectures": ["BloomForCausalLM"], "hidden_size": 1024, "n_layer": 24, "n_head": 16,
         "vocab_size": 250880}
PYTHIA = {"model_type": "gpt_neox", "architectures": ["GPTNeoXForCausalLM"], "hidden_size": 1024,
          "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096, "vocab_size": 50304,
          "tie_word_embeddings": False}


def model(named):
    from paramcalc.readers.config.read import read_config

    configs = {"mt0-large": MT0_LARGE, "bloom-560m": BLOOM, "pythia-410m": PYTHIA}
    if isinstance(named, str):
        return build(read_config(configs[named]).spec)
    return build(ModelSpec.model_validate(named))


@pytest.mark.parametrize(("named", "rank", "targets", "trainable", "total"), PRINTED,
                         ids=[f"{p[0] if isinstance(p[0], str) else 'llama'}-{p[1]}-{len(p[2])}" for p in PRINTED])
def test_as_peft_prints(named, rank, targets, trainable, total):
    adapted = adapt(model(named), Lora(rank, targets))
    assert trainable_parameters(adapted.tree) == trainable
    assert count(adapted.tree).total == total


def test_all_linear_adapts_routers():
    """Adapters of attention and router as peft 0.21.2 made them for a Qwen3MoeForCausalLM of transformers 5.23.0.

    Its experts are one array a layer there, which peft adapts with ranks of its own: they are left out here.
    """
    spec = {"vocab_size": 128, "hidden_size": 64, "num_layers": 2, "num_heads": 4, "num_kv_heads": 2, "head_dim": 16,
            "moe": {"experts": 8, "top_k": 2, "intermediate_size": 32}}
    every, experts = (trainable_parameters(adapt(model(spec), Lora(4, targets)).tree)
                      for targets in (("all-linear",), ("*.experts.*",)))
    assert every - experts == 2 * (4 * (64 + 64) + 2 * 4 * (64 + 32) + 4 * (64 + 64) + 4 * (64 + 8))


def test_dora_adds_a_magnitude_for_each_output():
    plain, dora = (trainable_parameters(adapt(model(LLAMA_8B), Lora(16, ("q_proj", "k_proj"), dora)).tree)
                   for dora in (False, True))
    assert dora - plain == 32 * (4096 + 1024)


def test_a_target_that_names_nothing_is_refused():
    with pytest.raises(UsageError, match="LoRA targets q_prj, zzz match no matrix"):
        adapt(model(LLAMA_8B), Lora(8, ("q_prj", "v_proj", "zzz")))
    with pytest.raises(UsageError, match="v_proj match no matrix"):
        adapt(build(load("deepseek-v3").spec), Lora(8, ("v_proj",)))


def test_globs_and_transposed_weights():
    gpt2 = build(load("gpt2").spec)
    adapted = with_lora(gpt2.tree, Lora(8, ("*attn.c_attn",)))
    added = [row for row in rows(adapted) if "lora" in row.name]
    assert [(row.name, row.shape, row.copies) for row in added] == [
        ("transformer.h.*.attn.c_attn.lora_A.weight", (8, 768), 12),
        ("transformer.h.*.attn.c_attn.lora_B.weight", (2304, 8), 12)]
    assert trainable_parameters(adapted) == 12 * 8 * (768 + 2304)


def test_experts_have_adapters_each():
    trained = trainable_parameters(adapt(build(load("mixtral-8x7b").spec), Lora(4, ("w1",))).tree)
    assert trained == 32 * 8 * 4 * (4096 + 14336)


def test_what_is_kept_between_tokens_stays():
    plain = model(LLAMA_8B)
    adapted = adapt(plain, Lora(8, ("q_proj",)))
    states = [[node.states(path) for path, node, _, _ in each.tree.walk()] for each in (plain, adapted)]
    assert states[0] == states[1]
    assert any(states[0])
