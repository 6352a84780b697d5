"""Ai2's OLMo: dense, experts, hybrids with delta rules, and the text model of Molmo 2.

Sources: transformers' modeling file of each, and what a row or rule names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.readers.config.patterns import FULL, LINEAR, every
from paramcalc.readers.families.decoder import Experts, Row
from paramcalc.readers.families.decoders.qwen import gated_delta
from paramcalc.readers.families.decoders.shared import GATE, when

if TYPE_CHECKING:

    from paramcalc.components.delta_rule import GatedDelta
    from paramcalc.readers.config.config import Config

OLMO_DELTA = {"norm": "o_norm", "out_proj": "o_proj"}


def _olmo_layers(config: Config) -> list[str]:
    """Full attention at each fourth layer, and at the last one where that gives none."""
    words = every(config, 4, FULL, LINEAR)
    return words if FULL in words else [*words[:-1], FULL]


def _olmo_mixer(config: Config, word: str) -> GatedDelta | None:
    part = gated_delta(config, word, "separate")
    return None if part is None else part.model_copy(update={"names": OLMO_DELTA})


def _olmo_block(_: Config, word: str, __: str) -> dict[str, Any]:
    return {"norm_placement": "pre" if word == LINEAR else "post"}


def _molmo2(config: Config, fields: dict[str, Any]) -> None:
    fields["embedding_rows"] = config.integer("vocab_size") + config.integer("additional_vocab_size", 0, least=0)
    fields["tie_embeddings"] = False


def _molmo2_norm(config: Config) -> str:
    return "head" if config.text("qk_norm_type") == "qwen3" else "full"


def _molmo2_names(config: Config) -> dict[str, str]:
    if not config.flag("norm_after"):
        return {}
    return {"post_attention_layernorm": "input_layernorm", "post_feedforward_layernorm": "post_attention_layernorm"}


ROWS: dict[str, Row] = {
    "olmo": Row("attention_bias", "attention_bias", norm="layernorm", more={"norm_scale": False}),
    "olmo2": Row("attention_bias", "attention_bias", placement="post", qk_norm="full"),
    "olmo3": Row("attention_bias", "attention_bias", placement="post", qk_norm="full", pattern=lambda c: every(c, 4)),
    "olmoe": Row("attention_bias", "attention_bias", qk_norm="full", names=GATE,
                 experts=Experts("num_experts", size="intermediate_size")),
    "flex_olmo": Row("attention_bias", "attention_bias", qk_norm="full", names=GATE, placement="post",
                     experts=Experts("num_experts", size="intermediate_size")),
    "olmo_hybrid": Row("attention_bias", "attention_bias", pattern=_olmo_layers, mixer=_olmo_mixer, qk_norm="full",
                       block=_olmo_block, names={"self_attn.gated_delta": "linear_attn",
                                                 "input_layernorm": "attention_layer_norm",
                                                 "post_attention_layernorm": "feedforward_layer_norm"}),
    "molmo2_text": Row("attention_bias", qk_norm=_molmo2_norm, placement=when("norm_after", "post", "pre"),
                       names=_molmo2_names, adjust=_molmo2),
}
