"""V-JEPA 2: an encoder of video, and a narrower one that predicts what is hidden. arXiv:2506.09985."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import QKVO, Attention
from paramcalc.components.base import Parts
from paramcalc.readers.families.spellings import FC
from paramcalc.readers.families.towers.alone import crowned, labels, model, unmeasured
from paramcalc.readers.families.towers.frame import Layer, layers, under
from paramcalc.readers.families.towers.geometry import dividing, heads, sides
from paramcalc.readers.families.towers.parts import ROTARY, conv, dense, embedded, norm
from paramcalc.readers.families.towers.vit import biased
from paramcalc.spec.layer import Block

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.encoders.heads import Tops
    from paramcalc.spec.model import ModelSpec

NAMES = {"q_proj": "query", "k_proj": "key", "v_proj": "value", "o_proj": "proj", **FC}
LAYER = Layer("norm1", "attention", "norm2", names=NAMES)
POOL = Layer()
RATIO = 4
"""Of feed-forwards in the pooler, whatever the config says."""


def _pooler(config: Config) -> Parts:
    """A query that attends to the patches after a few layers of their own; a single layer has no output projection."""
    width, count = config.integer("hidden_size"), heads(config)
    block = POOL(width, count, RATIO * width)
    crossed = {("cross_attn" if key == "self_attn" else key): part for key, part in block.items()}
    crossed["cross_attn"] = Attention(num_heads=count, bias=QKVO, causal=False, output=False)
    parts = under("pooler.cross_attention_layer", crossed) | {"pooler.query_tokens": embedded(1, 1, width)}
    deep = config.depth("num_pooler_layers")
    return {**parts, "pooler.self_attention_layers": layers(deep, "pooling")} if deep else parts


TOPS: Tops = {"Model": (), "VideoClassification": (labels(),)}


def vjepa2(config: Config) -> ModelSpec:
    """Both; a classifier adds a pooler."""
    width, narrow = config.integer("hidden_size"), config.integer("pred_hidden_size")
    tubelet = (config.integer("tubelet_size"), *sides(config, "patch_size"))
    modules: Parts = {
        "encoder.embeddings.patch_embeddings.proj": conv(width, config.integer("in_chans"), *tubelet),
        "encoder.positions": ROTARY, "encoder.layer": layers(config.layers), "encoder.layernorm": norm(width),
        "predictor.embeddings.predictor_embeddings": dense(narrow, width, component="other_embedding"),
        "predictor.embeddings.mask_tokens": embedded(config.integer("pred_num_mask_tokens"), 1, 1, narrow),
        "predictor.layer": layers(config.depth("pred_num_hidden_layers"), "predicting").model_copy(
            update={"hidden_size": narrow}),
        "predictor.layernorm": norm(narrow), "predictor.proj": dense(width, narrow)}
    count = dividing(config, "pred_num_attention_heads", config.integer("pred_num_attention_heads"), narrow)
    blocks = {"layer": LAYER(width, heads(config), int(width * config.number("mlp_ratio")), bias=biased(config)),
              "predicting": LAYER(narrow, count, int(narrow * config.number("pred_mlp_ratio")), bias=biased(config))}
    spec = unmeasured(crowned(config, "vjepa2", model(width, modules, blocks), TOPS))
    if not config.architecture.endswith("Classification"):
        return spec
    return spec.model_copy(update={
        "modules": {**(spec.modules or {}), **_pooler(config)},
        "blocks": {**spec.blocks, "pooling": Block(parts=POOL(width, heads(config), RATIO * width))}})
