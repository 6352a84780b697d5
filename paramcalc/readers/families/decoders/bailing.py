"""Ant Group's Ling (bailing_moe) 1 and 2, and Sarvam's experts after it: shared experts, q, k and v as one matrix.

Sources: the modeling file of each type's own repository, named in `readers/config/published_types.py`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from paramcalc.readers.config.patterns import sparse_layers
from paramcalc.readers.families.decoder import Experts, Row
from paramcalc.readers.families.decoders.deepseek import DEEPSEEK, deepseek_mtp
from paramcalc.readers.families.decoders.shared import DENSE_QKV, GATE, when

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config

NAMES = {"embed_tokens": "model.word_embeddings", "self_attn": "attention"} | DENSE_QKV | GATE
NAMES_2 = NAMES | {"q_norm": "query_layernorm", "k_norm": "key_layernorm", "correction_bias": "gate.expert_bias"}


def _size(config: Config) -> int:
    return config.optional("moe_intermediate_size") or config.integer("intermediate_size")


def _shared(config: Config) -> int:
    size = config.optional("moe_shared_expert_intermediate_size") or _size(config)
    return config.integer("num_shared_experts", 0, least=0) * size


EXPERTS = Experts("num_experts", size=_size, layers=sparse_layers, shared=_shared, bias="use_bias")

ROWS: dict[str, Row] = {
    "bailing_moe": Row("use_qkv_bias", "use_bias", "use_bias", experts=EXPERTS, more={"fused_qkv": True}, names=NAMES),
    "bailing_moe_v2": Row("use_qkv_bias", "use_bias", "use_bias", qk_norm=when("use_qk_norm", "head"), names=NAMES_2,
                          experts=replace(EXPERTS, correction_bias="buffer"), more={"fused_qkv": True},
                          mtp=deepseek_mtp),
    "sarvam_moe": Row("attention_bias", qk_norm=when("use_qk_norm", "head"), experts=DEEPSEEK, names=NAMES_2,
                      more={"fused_qkv": True}, mtp=deepseek_mtp),
}
