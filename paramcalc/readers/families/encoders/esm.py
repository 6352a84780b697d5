"""Encoders of proteins: ESM-1b and ESM-2. doi:10.1126/science.ade2574."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from paramcalc.components.attention import QKVO, Attention
from paramcalc.components.linear import Linear
from paramcalc.components.norm import Norm
from paramcalc.readers.families.encoder import Encoder
from paramcalc.readers.families.encoders.heads import GTE_HEAD, PLAIN_TOPS, ROBERTA_HEAD, Tops
from paramcalc.readers.families.spellings import LLAMA_ENCODER

if TYPE_CHECKING:
    from paramcalc.components.attention import Projection
    from paramcalc.components.base import Parts
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.model import ModelSpec

NAMES = {"types": "", "embedding_norm": "", "attention_norm": "attention.LayerNorm", "ffn_norm": "LayerNorm",
         "final_norm": "encoder.emb_layer_norm_after"}


def contacts(config: Config) -> Parts:
    """What says from all attention weights which residues touch; it stands in every class."""
    count = config.layers * config.integer("num_attention_heads")
    return {"contact_head.regression": Linear(out_features=1, in_features=count, bias=True, component="other",
                                              per="sequence")}


TOPS: Tops = {**PLAIN_TOPS, "Model": ("pooler",)}
ROW = Encoder("esm", NAMES, replace(ROBERTA_HEAD, biased=False), TOPS, pre=True, tables=contacts)


def esm(config: Config) -> ModelSpec:
    """ESM-1b and ESM-2, whose positions are looked up or rotated."""
    if config.flag("is_folding_model"):
        raise config.error("is_folding_model", "ESMFold is not described", "a config of the language model alone")
    kind = config.text("position_embedding_type", "absolute")
    if "position_embedding_type" in config.data and config.data["position_embedding_type"] is None:
        kind = "none"  # null is no kind at all, whatever the class's default
    rotary = kind == "rotary"
    before = {"embedding_norm": "embeddings.layer_norm"} if config.flag("emb_layer_norm_before") else {}
    return replace(ROW, names=NAMES | before, learned=kind not in ("rotary", "none"), rotary=rotary)(config)


ESMC_HEAD = replace(GTE_HEAD, norm="lm_head.layer_norm", ties=False)


def esmc_attention(config: Config, _: str, __: bool) -> Parts:
    """Norms over all of the queries and of the keys, as wide as the model."""
    bias: tuple[Projection, ...] = QKVO if config.flag("attention_bias") else ()
    return {"self_attn": Attention(num_heads=config.integer("num_attention_heads"), head_dim=config.head_dim,
                                   num_kv_heads=config.kv_heads, bias=bias, causal=False),
            **{f"self_attn.{word}_norm": Norm(kind="layernorm", bias=False) for word in "qk"}}


def esmc(config: Config) -> ModelSpec:
    """ESM C, whose last norm alone has no shift. evolutionaryscale.ai/blog/esm-cambrian."""
    row = Encoder("esmc", LLAMA_ENCODER, ESMC_HEAD, PLAIN_TOPS, pre=True, learned=False, rotary=True, gated=True,
                  mlp_bias="mlp_bias", mixer=esmc_attention)
    spec = row(config)
    modules = {key: part.model_copy(update={"bias": False}) if key in ("norm", "esmc.norm") else part
               for key, part in (spec.modules or {}).items()}
    return spec.model_copy(update={"modules": modules})


ROWS = {
    "esm": esm,
    "esmc": esmc,
}
