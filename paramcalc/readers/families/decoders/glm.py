"""Z.ai's GLM 4 to 5, dense and with experts, and the text models of GLM-V and GLM-OCR.

Sources: transformers' modeling file of each, and what a row or rule names.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from paramcalc.readers.config.patterns import FULL, LINEAR, every, mixers, sparse_but_first, sparse_layers
from paramcalc.readers.families.decoder import Experts, Row
from paramcalc.readers.families.decoders.deepseek import (
    DEEPSEEK,
    deepseek_mtp,
    hyper,
    indexer,
    latent,
    shared_experts,
)
from paramcalc.readers.families.decoders.kimi import kimi_mixer
from paramcalc.readers.families.decoders.shared import CORRECTED

if TYPE_CHECKING:

    from paramcalc.components.base import Component
    from paramcalc.readers.config.config import Config

SANDWICH_GLM = {"post_attention_layernorm": "post_self_attn_layernorm",
                "pre_feedforward_layernorm": "post_attention_layernorm",
                "post_feedforward_layernorm": "post_mlp_layernorm"}
GLM = Experts("n_routed_experts", layers=sparse_but_first, shared=shared_experts,
              correction_bias="buffer")


def indexer_types(config: Config) -> list[str]:
    """Layers whose indexer is their own, and those that take the choice of an earlier one (GLM-5)."""
    config.read |= {"index_topk_pattern", "index_topk_freq", "index_skip_topk_offset"}
    types = config.listed("indexer_types", str, config.layers)
    if types is None and (pattern := config.get("index_topk_pattern")) is not None:
        types = [{"F": "full", "S": "shared"}.get(word, word) for word in pattern]
    if types is None:
        period = max(config.integer("index_topk_freq", 1, least=0), 1)
        offset = config.integer("index_skip_topk_offset", 2, least=0)
        types = ["full" if max(i - offset + 1, 0) % period == 0 else "shared" for i in range(config.layers)]
    return ["shared" if word == "shared" else "indexed" for word in types]


def _glm_layers(config: Config) -> list[str]:
    """Latent attention over chosen keys at each fourth layer, some of which take an earlier one's choice."""
    words = mixers(config, every(config, 4, FULL, LINEAR))
    return [LINEAR if word == LINEAR else chosen for word, chosen in zip(words, indexer_types(config), strict=True)]


def _glm_mixer(config: Config, word: str) -> Component:
    if word != LINEAR:
        return latent(config, word)
    return kimi_mixer(config, LINEAR).model_copy(update={"decay_shape": "heads"})


def _glm_block(config: Config, word: str, ffn: str) -> dict[str, Any]:
    parts: dict[str, Component] = {
        place: hyper(config, "pre_post_mix", "", f"{place}_") for place in ("hc_attn", "hc_ffn")}
    found = {} if word == LINEAR else indexer(config, word, ffn).get("beside", {})
    pooled = {path: part.model_copy(update={"pool": config.integer("index_kpool")}) for path, part in found.items()}
    return {"beside": parts | pooled}


ROWS: dict[str, Row] = {
    "glm": Row("attention_bias", more={"fused_gate_up": True}),
    "glm4": Row("attention_bias", placement="sandwich", more={"fused_gate_up": True}, names=SANDWICH_GLM),
    "glm4_moe": Row("attention_bias", uneven_heads=True, experts=DEEPSEEK, names=CORRECTED, mtp=deepseek_mtp,
                    qk_norm=lambda c: "head" if c.flag("use_qk_norm") else "none"),
    "glm4_moe_lite": Row(mixer=latent, experts=GLM, names=CORRECTED, mtp=deepseek_mtp),
    "glm_moe_dsa": Row(mixer=latent, mixers=indexer_types, block=indexer, experts=DEEPSEEK, names=CORRECTED,
                       mtp=deepseek_mtp),
    "glm4v_text": Row(qkv_bias=True, placement="sandwich", more={"fused_gate_up": True}, names=SANDWICH_GLM),
    "glm_ocr_text": Row(placement="sandwich", more={"fused_gate_up": True}, names=SANDWICH_GLM),
    "glm4v_moe_text": Row("attention_bias", uneven_heads=True, names=CORRECTED, experts=Experts(
        "n_routed_experts", layers=sparse_layers, shared=shared_experts, correction_bias="buffer")),
    "glm5_next_text": Row(
        mixers=_glm_layers, mixer=_glm_mixer, block=_glm_block, names=CORRECTED, experts=Experts(
            "n_routed_experts", layers=partial(sparse_layers, first=3), shared=shared_experts,
            correction_bias="buffer")),
}
