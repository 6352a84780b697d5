"""Measure what small models keep between tokens: every tensor reachable from the cache a class returns.

    python tests/oracle/caches.py        # writes tests/data/caches.jsonl

Runs the classes on the CPU in bfloat16. RecurrentGemma returns no cache: it is given one for its attention layers, and
its recurrent layers keep theirs in attributes of their own.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import torch
import transformers
from building import saved_config

OUT = Path(__file__).parent.parent / "data" / "caches.jsonl"
BATCH, LENGTHS = 2, (40, 70)
BASE = {"vocab_size": 96, "hidden_size": 64, "num_hidden_layers": 4, "intermediate_size": 96}
HEADS = {"num_attention_heads": 4, "num_key_value_heads": 2}
SCAN = {"mamba_d_state": 16, "mamba_d_conv": 3, "mamba_expand": 2}
SCAN2 = SCAN | {"mamba_n_heads": 4, "mamba_n_groups": 2}
DELTA = {"linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_key_head_dim": 16,
         "linear_value_head_dim": 32, "linear_conv_kernel_dim": 3}
LATENT = {"num_attention_heads": 4, "num_key_value_heads": 4, "kv_lora_rank": 32, "qk_nope_head_dim": 16,
          "qk_rope_head_dim": 16, "v_head_dim": 32}
EXPERTS = {"num_experts_per_tok": 2, "moe_intermediate_size": 32}
MIXED = ["linear_attention", "full_attention", "linear_attention", "full_attention"]
CONV = ["conv", "full_attention", "conv", "conv"]

MODELS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("MambaForCausalLM", BASE | {"state_size": 16, "conv_kernel": 3}),
    ("FalconMambaForCausalLM", BASE | {"state_size": 16, "conv_kernel": 3}),
    ("Mamba2ForCausalLM", BASE | {"state_size": 16, "conv_kernel": 3, "num_heads": 4, "head_dim": 32, "n_groups": 2}),
    ("JambaForCausalLM", BASE | HEADS | SCAN | {"num_experts": 4, "attn_layer_period": 2, "attn_layer_offset": 1}),
    ("BambaForCausalLM", BASE | HEADS | SCAN2 | {"attn_layer_indices": [1, 3]}),
    ("FalconH1ForCausalLM", BASE | HEADS | SCAN2 | {"mamba_d_ssm": 96}),
    ("GraniteMoeHybridForCausalLM", BASE | HEADS | SCAN2 | {"layer_types": MIXED, "num_local_experts": 4}),
    ("NemotronHForCausalLM", BASE | HEADS | EXPERTS | {
        "head_dim": 16, "layers_block_type": ["linear_attention", "moe", "full_attention", "mlp"], "n_groups": 2,
        "mamba_num_heads": 4, "mamba_head_dim": 16, "ssm_state_size": 16, "conv_kernel": 3}),
    ("Qwen3NextForCausalLM", BASE | HEADS | DELTA | EXPERTS | {"layer_types": MIXED, "head_dim": 16, "num_experts": 4,
                                                               "shared_expert_intermediate_size": 32}),
    ("Qwen3_5ForCausalLM", BASE | HEADS | DELTA | {"layer_types": MIXED, "head_dim": 16}),
    ("OlmoHybridForCausalLM", BASE | HEADS | DELTA | {"layer_types": MIXED, "pad_token_id": 0}),
    ("MiniMaxForCausalLM", BASE | HEADS | {"layer_types": MIXED, "head_dim": 16, "block_size": 16}),
    ("Lfm2ForCausalLM", BASE | HEADS | {"layer_types": CONV, "conv_L_cache": 4}),
    ("Lfm2MoeForCausalLM", BASE | HEADS | EXPERTS | {"layer_types": CONV, "conv_L_cache": 4, "num_experts": 4}),
    ("Lfm3ForCausalLM", BASE | HEADS | {"layer_types": [*CONV[:3], "sliding_attention"], "conv_L_cache": 4,
                                        "head_dim": 16, "sliding_window": 32, "pad_token_id": 0}),
    ("ZambaForCausalLM", BASE | HEADS | SCAN | {"layers_block_type": ["linear_attention", "hybrid"] * 2}),
    ("Zamba2ForCausalLM", BASE | SCAN | {"layers_block_type": ["linear_attention", "hybrid"] * 2, "n_mamba_heads": 4,
                                         "num_attention_heads": 4, "mamba_ngroups": 2}),
    ("RwkvForCausalLM", BASE),
    ("xLSTMForCausalLM", {"vocab_size": 96, "hidden_size": 128, "num_hidden_layers": 2, "num_blocks": 2, "num_heads": 2,
                          "chunk_size": 16}),
    ("RecurrentGemmaForCausalLM", BASE | {"num_attention_heads": 4, "num_key_value_heads": 2, "lru_width": 64,
                                          "conv1d_width": 3, "attention_window_size": 32}),
    ("KimiLinearForCausalLM", BASE | LATENT | EXPERTS | {
        "layer_types": MIXED, "num_local_experts": 4, "linear_head_dim": 16, "linear_num_heads": 2,
        "linear_conv_kernel_dim": 3, "mlp_layer_types": ["dense", "sparse"] * 2, "pad_token_id": 0}),
    ("BailingHybridForCausalLM", BASE | LATENT | EXPERTS | {
        "layer_types": MIXED, "num_local_experts": 4, "head_dim": 16, "short_conv_kernel_size": 3, "n_group": 1,
        "topk_group": 1, "mlp_layer_types": ["dense", "sparse"] * 2, "pad_token_id": 0}),
    ("CpmAntForCausalLM", {"vocab_size": 96, "hidden_size": 64, "num_hidden_layers": 4, "dim_ff": 96, "dim_head": 24,
                           "num_attention_heads": 4, "prompt_length": 7}),
    ("ModernBertDecoderForCausalLM", BASE | {"num_attention_heads": 4, "local_attention": 64, "sliding_window": 40,
                                             "global_attn_every_n_layers": 2, "pad_token_id": 0, "bos_token_id": 1,
                                             "eos_token_id": 2, "cls_token_id": 3, "sep_token_id": 4}),
)


def tensors(value: object, by_id: dict[int, torch.Tensor], depth: int = 0) -> dict[int, torch.Tensor]:
    """Collect every tensor reachable from a cache."""
    if isinstance(value, torch.Tensor):
        by_id[id(value)] = value
    elif isinstance(value, dict):
        for item in value.values():
            tensors(item, by_id, depth + 1)
    elif isinstance(value, list | tuple):
        for item in value:
            tensors(item, by_id, depth + 1)
    elif hasattr(value, "__dict__") and depth < 6 and not isinstance(value, transformers.PreTrainedConfig):
        tensors(vars(value), by_id, depth + 1)
    return by_id


def cached_tensors(model: Any, length: int) -> list[torch.Tensor]:
    """Run a prompt and return what the class keeps of it."""
    returns_none = model.config.model_type == "recurrent_gemma"
    arguments = {"past_key_values": transformers.DynamicCache(config=model.config)} if returns_none else {}
    with torch.no_grad():
        output = model(torch.randint(1, model.config.vocab_size, (BATCH, length)), use_cache=True, **arguments)
    names = ("past_key_values", "cache_params", "state")
    cache = next((cached for name in names if (cached := getattr(output, name, None)) is not None), None)
    if returns_none:
        cache = [arguments, *(value for module in model.modules() for name, value in vars(module).items()
                          if name in ("conv1d_state", "recurrent_states"))]
    floats = (torch.bfloat16, torch.float32)
    return [tensor for tensor in tensors(cache, {}).values() if tensor.dtype in floats]


def measure(owner: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Describe the cache of one small model."""
    cls = getattr(transformers, owner)
    torch.set_default_dtype(torch.bfloat16)
    model = cls(cls.config_class(**fields)).eval()
    torch.set_default_dtype(torch.float32)
    runs = []
    for length in LENGTHS:
        arrays = cached_tensors(model, length)
        shapes = sorted({(tuple(t.shape), str(t.dtype).removeprefix("torch.")) for t in arrays})
        runs.append({"length": length, "bytes": sum(t.numel() * t.element_size() for t in arrays), "shapes": shapes})
    return {"class": owner, "batch": BATCH, "config": saved_config(model.config, owner), "runs": runs}


def main() -> None:
    """Write all records."""
    warnings.filterwarnings("ignore")
    records = [measure(owner, fields) for owner, fields in MODELS]
    OUT.write_text("".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records), encoding="utf-8")


if __name__ == "__main__":
    main()
