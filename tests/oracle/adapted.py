"""Bytes that small adapted models pack for the backward pass, on the meta device: tests/data/activations/adapted.jsonl.

peft's LoRA and DoRA on frozen models of transformers in bfloat16, whose embedded input asks for a gradient as peft
arranges it for checkpointing; one sequence, without labels and what labels add. `python tests/oracle/adapted.py`
"""

from __future__ import annotations

import json
import sys
import warnings

import torch
import transformers
from peft import LoraConfig, get_peft_model
from saved import LENGTH, packed, size

USUAL = {"vocab_size": 320, "hidden_size": 96, "intermediate_size": 224, "num_hidden_layers": 3,
         "num_attention_heads": 6, "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 256}
ATTENTION = ["q_proj", "k_proj", "v_proj", "o_proj"]
MODELS = {
    "llama": ("LlamaForCausalLM", USUAL, ATTENTION),
    "qwen2": ("Qwen2ForCausalLM", {k: v for k, v in USUAL.items() if k != "head_dim"}, ATTENTION),
    "gemma": ("GemmaForCausalLM", USUAL, ATTENTION),
    "olmo2": ("Olmo2ForCausalLM", {k: v for k, v in USUAL.items() if k != "head_dim"}, ATTENTION),
    "phi3": ("Phi3ForCausalLM", {k: v for k, v in USUAL.items() if k != "head_dim"} | {"pad_token_id": 0},
             ["qkv_proj"]),
    "gpt2": ("GPT2LMHeadModel", {"vocab_size": 320, "n_embd": 96, "n_layer": 3, "n_head": 6, "n_positions": 256,
                                 "attn_pdrop": 0.0, "resid_pdrop": 0.0, "embd_pdrop": 0.0}, ["c_attn"]),
    "lfm2": ("Lfm2ForCausalLM", {k: v for k, v in USUAL.items() if k != "head_dim"} | {
        "layer_types": ["conv", "full_attention", "conv"]}, ["in_proj", "q_proj", "out_proj", "w1"]),
    "qwen3_moe": ("Qwen3MoeForCausalLM", USUAL | {"moe_intermediate_size": 64, "num_experts": 8,
                                                  "num_experts_per_tok": 2}, ATTENTION),
}
PLANS = [{"rank": 8, "targets": "some", "dtype": "fp32"}, {"rank": 8, "targets": "some", "dtype": None},
         {"rank": 8, "targets": "one", "dtype": None}, {"rank": 4, "targets": "all-linear", "dtype": "fp32"},
         {"rank": 4, "targets": "all-linear", "dtype": None},
         {"rank": 4, "targets": "all-linear", "dtype": "fp32", "dora": True}]


def build_adapted(kind, attention):
    """A small model in training."""
    name, fields, _ = MODELS[kind]
    config = transformers.models.auto.configuration_auto.CONFIG_MAPPING[kind](**fields)
    config._attn_implementation = {"flash": "fused_on_meta"}.get(attention, attention)
    with torch.device("meta"):
        model = getattr(transformers, name)(config)
    if getattr(model, "_can_set_experts_implementation", lambda: False)():
        model.set_experts_implementation("grouped_mm")
    return model.to(torch.bfloat16).train()


def adapted(kind, attention, plan):
    """The model with peft's adapters."""
    model = build_adapted(kind, attention)
    model.enable_input_require_grads()
    config = LoraConfig(r=plan["rank"], target_modules=_targets(kind, plan), lora_dropout=0.0,
                        use_dora=plan.get("dora", False))
    with torch.device("meta"):
        model = get_peft_model(model, config)
    return model if plan["dtype"] else model.to(torch.bfloat16)


def _targets(kind, plan):
    usual = MODELS[kind][2]
    return {"some": usual, "one": usual[:1]}.get(plan["targets"], plan["targets"])


def record(kind, plan):
    """Bytes of each way of attention, and checkpointed."""
    cases = {}
    for attention in ("eager", "sdpa", *(("flash",) if kind != "lfm2" else ())):  # there flash fuses convolutions too
        for how in ("none", "full"):
            model = adapted(kind, attention, plan)
            if how == "full":
                model.base_model.model.gradient_checkpointing_enable({"use_reentrant": False})
            plain, loss = size(packed(model)), size(packed(model, labels=True))
            cases[f"{attention} {how}"] = [plain, loss - plain]
    targets = _targets(kind, plan)
    fields = {"model_type": kind, "architectures": [MODELS[kind][0]]} | MODELS[kind][1]
    lora = plan | {"targets": [targets] if isinstance(targets, str) else targets}
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    return {"name": f"{kind}-{plan['rank']}-{plan['targets']}-{plan['dtype']}{'-dora' if plan.get('dora') else ''}",
            "seq": LENGTH, "config": fields, "lora": lora, "trainable": trained, "cases": cases}


def main():
    warnings.filterwarnings("ignore")
    for kind in sys.argv[1:] or MODELS:
        for plan in PLANS:
            if kind != "qwen3_moe" or plan["targets"] != "all-linear":  # peft would adapt experts too
                sys.stdout.write(json.dumps(record(kind, plan)) + "\n")


if __name__ == "__main__":
    main()
