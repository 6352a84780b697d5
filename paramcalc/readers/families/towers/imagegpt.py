"""ImageGPT: GPT-2 over clusters of colours, its norms without shifts. openai.com/research/image-gpt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import QKVO, Attention
from paramcalc.components.base import Parts
from paramcalc.components.embedding import Embedding
from paramcalc.components.ffn import FeedForward
from paramcalc.components.linear import Head
from paramcalc.readers.families.towers.alone import crowned, model
from paramcalc.readers.families.towers.frame import layers
from paramcalc.readers.families.towers.parts import dense, norm, table

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.encoders.heads import Tops
    from paramcalc.spec.model import ModelSpec


def _colours(config: Config) -> Parts:
    """A score for each colour but the one that starts a picture: never the table's matrix, which has a row more."""
    return {"lm_head": Head(rows=config.integer("vocab_size") - 1)}


def _labels(config: Config) -> Parts:
    return {"score": dense(config.labels, config.integer("n_embd"), bias=False, component="lm_head", per="sequence")}


TOPS: Tops = {"Model": (), "CausalImageModeling": (_colours,), "ImageClassification": (_labels,)}


def imagegpt(config: Config) -> ModelSpec:
    """The specification of one config."""
    width = config.integer("n_embd")
    inner = config.optional("n_inner") or 4 * width
    if config.flag("add_cross_attention"):
        raise config.error("add_cross_attention", "cross-attention of this model is not described")
    block: Parts = {
        "ln_1": norm(width, bias=False),
        "attn": Attention(num_heads=config.dividing("n_head", width), bias=QKVO, fused="qkv", transposed=True,
                          names={"qkv_proj": "c_attn", "o_proj": "c_proj"}),
        "ln_2": norm(width, bias=False),
        "mlp": FeedForward(intermediate_size=inner, gated=False, bias=True, transposed=True,
                           names={"up_proj": "c_fc", "down_proj": "c_proj"})}
    rows = config.integer("vocab_size")
    modules: Parts = {"wte": Embedding(rows=rows), "wpe": table(config.integer("n_positions"), width),
                      "h": layers(config.depth("n_layer")), "ln_f": norm(width, bias=False)}
    spec = model(width, modules, {"layer": block}, words=rows)
    return crowned(config, "transformer", spec, TOPS, "CausalImageModeling")
