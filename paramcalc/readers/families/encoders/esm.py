"""Encoders of proteins: ESM-1b and ESM-2. doi:10.1126/science.ade2574."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from paramcalc.components.linear import Linear
from paramcalc.readers.families.encoder import Encoder
from paramcalc.readers.families.encoders.heads import PLAIN_TOPS, ROBERTA_HEAD, Tops

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.encoders.heads import Parts
    from paramcalc.spec.model import ModelSpec

NAMES = {"types": "", "embedding_norm": "", "attention_norm": "attention.LayerNorm", "ffn_norm": "LayerNorm",
         "final_norm": "encoder.emb_layer_norm_after"}


def contacts(config: Config) -> Parts:
    """What says from all attention weights which residues touch; it stands in every class."""
    count = config.layers * config.integer("num_attention_heads")
    return {"contact_head.regression": Linear(out_features=1, in_features=count, bias=True, component="other",
                                              per="sequence")}


TOPS: Tops = {**PLAIN_TOPS, "Model": ("pooler",)}
ROW = Encoder("esm", NAMES, ROBERTA_HEAD, TOPS, pre=True, tables=contacts)


def esm(config: Config) -> ModelSpec:
    """ESM-1b and ESM-2, whose positions are looked up or rotated."""
    if config.flag("is_folding_model"):
        raise config.error("is_folding_model", "ESMFold is not described", "a config of the language model alone")
    rotary = config.text("position_embedding_type", "absolute") == "rotary"
    before = {"embedding_norm": "embeddings.layer_norm"} if config.flag("emb_layer_norm_before") else {}
    return replace(ROW, names=NAMES | before, learned=not rotary, rotary=rotary)(config)


ROWS = {
    "esm": esm,
}
