"""Cohere's Command: attention and feed-forward side by side, later with windows and experts.

Sources: transformers' modeling file of each, and what a row or rule names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.readers.config.config import MAX_SIZE
from paramcalc.readers.config.patterns import FULL, SLIDING, every, sparse_layers
from paramcalc.readers.families.decoder import Experts, Row
from paramcalc.readers.families.decoders.shared import GATE, patterned, times, when

if TYPE_CHECKING:

    from paramcalc.readers.config.config import Config


def _positions(config: Config) -> dict[str, Any]:
    """`model_max_length` goes before `max_position_embeddings` (vLLM, CohereAttention in models/commandr.py)."""
    length = config.get("model_max_length")
    return {"max_position_embeddings": length} if type(length) is int and 0 < length <= MAX_SIZE else {}


def cohere2_moe_sliding(config: Config) -> list[str]:
    """The dense layers have a period of their own, and the count starts anew after them."""
    dense = config.integer("first_k_dense_replace", 0, least=0)
    prefix = config.integer("prefix_dense_sliding_window_pattern", 1)
    words = [FULL if (i + 1) % prefix == 0 else SLIDING for i in range(min(dense, config.layers))]
    return words + every(config, config.integer("sliding_window_pattern"))[: config.layers - len(words)]


def cohere2_moe_norm(config: Config, fields: dict[str, Any]) -> None:
    """RMSNorm where its epsilon is given, else LayerNorm without shift."""
    if config.get("rms_norm_eps") is None:
        fields |= {"norm": "layernorm", "norm_bias": False}


ROWS: dict[str, Row] = {
    "cohere": Row("attention_bias", "attention_bias", norm="layernorm", norm_bias=False, placement="parallel",
                  qk_norm=when("use_qk_norm", "heads"), more=_positions),
    "cohere2": Row("attention_bias", "attention_bias", norm="layernorm", norm_bias=False, placement="parallel",
                   pattern=lambda c: patterned(c, 4), more=_positions),
    "cohere_compass_text": Row("attention_bias", "attention_bias", norm="layernorm", norm_bias=False,
                               placement="parallel"),
    "cohere2_moe": Row("attention_bias", "attention_bias", placement="parallel", names=GATE,
                       pattern=cohere2_moe_sliding, adjust=cohere2_moe_norm,
                       size=lambda c: c.optional("prefix_dense_intermediate_size") or c.integer("intermediate_size"),
                       experts=Experts("num_experts", size="intermediate_size", layers=sparse_layers,
                                       shared=times("num_shared_experts", "intermediate_size"))),
}
