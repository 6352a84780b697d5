"""Families that have Llama's skeleton: a row each, saying how they differ. Sources: the library's modeling file."""

from __future__ import annotations

from paramcalc.components.latent_attention import LatentAttention
from paramcalc.readers.families.config import Config
from paramcalc.readers.families.decoder import Experts, Row
from paramcalc.readers.families.patterns import all_sliding, every, from_layer, sliding_from, sparse_step

QK = {"q_norm": "q_norm", "k_norm": "k_norm"}
W123 = {"router": "gate", "gate_proj": "w1", "down_proj": "w2", "up_proj": "w3", "mlp": "block_sparse_moe"}
GATE = {"router": "gate"}


def latent(config: Config, _: str = "") -> LatentAttention:
    """DeepSeek's attention."""
    has_bias = config.flag("attention_bias")
    return LatentAttention(
        num_heads=config.integer("num_attention_heads"), q_lora_rank=config.optional("q_lora_rank"),
        kv_lora_rank=config.integer("kv_lora_rank"), qk_nope_head_dim=config.integer("qk_nope_head_dim"),
        qk_rope_head_dim=config.integer("qk_rope_head_dim", least=0), v_head_dim=config.integer("v_head_dim"),
        bias=("q_a", "kv_a", "o") if has_bias else (),
    )


def shared_experts(config: Config) -> int:
    """n shared experts are one feed-forward of n times the size."""
    return config.integer("n_shared_experts", 0, least=0) * config.integer("moe_intermediate_size")


DEEPSEEK = Experts("n_routed_experts", layers=lambda c: from_layer(c, c.integer("first_k_dense_replace", 0, least=0)),
                   shared=shared_experts, correction_bias="buffer")
QWEN_MOE = Experts("num_experts", layers=sparse_step)

ROWS: dict[str, Row] = {
    "llama": Row("attention_bias", "attention_bias", "mlp_bias"),
    "mistral": Row(pattern=all_sliding),
    "mixtral": Row(pattern=all_sliding, experts=Experts(size="intermediate_size"), names=W123),
    "qwen2": Row(qkv_bias=True, pattern=sliding_from),
    "qwen3": Row("attention_bias", "attention_bias", qk_norm="head", pattern=sliding_from),
    "qwen3_moe": Row("attention_bias", "attention_bias", qk_norm="head", experts=QWEN_MOE, names=GATE),
    "gemma2": Row("attention_bias", "attention_bias", placement="sandwich", pattern=lambda c: every(c, 2)),
    "deepseek_v3": Row(mixer=latent, experts=DEEPSEEK, names={"router": "gate",
                                                              "correction_bias": "gate.e_score_correction_bias"}),
}
