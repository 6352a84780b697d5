"""Families that have Llama's skeleton: a row each, saying how they differ. Sources: the library's modeling file."""

from __future__ import annotations

from paramcalc.readers.config.patterns import all_sliding, every, sliding_from
from paramcalc.readers.families.decoder import Row

ROWS: dict[str, Row] = {
    "llama": Row("attention_bias", "attention_bias", "mlp_bias"),
    "mistral": Row(pattern=all_sliding, answers="model"),
    "qwen2": Row(qkv_bias=True, pattern=sliding_from),
    "qwen3": Row("attention_bias", "attention_bias", qk_norm="head", pattern=sliding_from),
    "gemma2": Row("attention_bias", "attention_bias", placement="sandwich", pattern=lambda c: every(c, 2)),
}
