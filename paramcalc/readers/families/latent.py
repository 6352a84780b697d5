"""What the families with DeepSeek's latent attention share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.latent_attention import LatentAttention

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config


def latent(config: Config, word: str = "") -> LatentAttention:
    """DeepSeek's attention; over the keys an indexer chose where the layer's word says so."""
    config.read |= {"head_dim", "qk_head_dim", "num_key_value_heads"}  # the class derives them
    v_head_dim = config.optional("v_head_dim")
    if v_head_dim is None:
        v_head_dim = config.integer("hidden_size") // config.integer("num_attention_heads")
    return LatentAttention(
        num_heads=config.integer("num_attention_heads"), q_lora_rank=config.optional("q_lora_rank"),
        kv_lora_rank=config.integer("kv_lora_rank"), qk_nope_head_dim=config.integer("qk_nope_head_dim"),
        qk_rope_head_dim=config.integer("qk_rope_head_dim", least=0), v_head_dim=v_head_dim,
        bias=("q_a", "kv_a", "o") if config.flag("attention_bias") else (),
        top_k=config.integer("index_topk") if word in ("indexed", "shared") else None,
    )


def shared_experts(config: Config) -> int:
    """n shared experts are one feed-forward of n times the size."""
    return config.integer("n_shared_experts", 0, least=0) * config.integer("moe_intermediate_size")
