"""Kosmos 2 and 2.5: a decoder with norms within its layers, and learned queries that read a picture.

arXiv:2306.14824, 2309.11419."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import QKVO
from paramcalc.components.base import Parts
from paramcalc.components.embedding import Embedding, Positions
from paramcalc.components.linear import Head
from paramcalc.readers.families.spellings import FC
from paramcalc.readers.families.towers.alone import model
from paramcalc.readers.families.towers.clip import vision as clip
from paramcalc.readers.families.towers.composite import nested
from paramcalc.readers.families.towers.frame import Layer, layers, under
from paramcalc.readers.families.towers.parts import dense, norm, table, vector
from paramcalc.readers.families.towers.pix2struct import vision as pix2struct

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.model import ModelSpec

LAYER = Layer("self_attn_layer_norm", "self_attn", "final_layer_norm", "ffn", causal=True, bias=QKVO,
              names={"o_proj": "out_proj", **FC})


def _text(config: Config, *, newer: bool) -> tuple[Parts, Parts]:
    width, inner = config.integer("embed_dim"), config.integer("ffn_dim")
    heads = config.dividing("attention_heads", width)
    block = LAYER(width, heads, inner) | {"ffn.ffn_layernorm": norm(inner)}
    modules: Parts = {"embed_tokens": Embedding(rows=config.integer("vocab_size"), hidden_size=width),
                      "positions": Positions(kind="sinusoidal")}
    if newer:
        modules["segment_emb"] = table(2, width, "other_embedding")
    else:
        block["self_attn.inner_attn_ln"] = norm(width)
        if config.flag("add_cross_attention"):
            raise config.error("add_cross_attention", "cross-attention of this text model is not described")
    return {**modules, "layers": layers(config.depth("layers")), "layer_norm": norm(width)}, block


def kosmos(config: Config) -> ModelSpec:
    """Kosmos 2 with a CLIP, Kosmos 2.5 with a Pix2Struct."""
    newer = config.model_type == "kosmos-2.5"
    kind = "kosmos_2_5" if newer else "kosmos_2"
    words, eyes = nested(config, "text_config", f"{kind}_text_model"), nested(config, "vision_config",
                                                                              f"{kind}_vision_model")
    bare = config.architecture.endswith("Model")
    if config.architecture and not bare and not config.architecture.endswith("ForConditionalGeneration"):
        raise config.unknown_class()
    images = pix2struct(eyes, "vision_model") if newer else clip(eyes, "vision_model.model")
    parts, block = _text(words, newer=newer)
    width = words.integer("embed_dim")
    heads = words.dividing("attention_heads", width)
    query = LAYER.attend(heads).model_copy(update={"causal": False})
    join: Parts = {"latent_query": vector(config.integer("latent_query_num"), width),
                   "dense": dense(width, eyes.integer("hidden_size")), "x_attn": query}
    modules = under("text_model.model", parts) | under("image_to_text_projection", join)
    if not bare:
        # the text model's own class ties; that of Kosmos 2 ties once more what its config says
        modules["text_model.lm_head"] = Head(rows=words.integer("vocab_size"), tied=words.tied or (not newer and
                                                                                                   config.tied))
    return model(width, modules, {"layer": block}).model_copy(update={
        "vocab_size": words.integer("vocab_size"), "towers": {"vision": images}})
