"""VideoPrism with its text encoder: layers over each frame, then over each place through time. arXiv:2402.13217."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import Attention
from paramcalc.components.base import Parts
from paramcalc.readers.families.spellings import FC
from paramcalc.readers.families.towers.alone import labels, model, opened
from paramcalc.readers.families.towers.composite import nested
from paramcalc.readers.families.towers.frame import Layer, layers, tower
from paramcalc.readers.families.towers.geometry import heads, sides
from paramcalc.readers.families.towers.parts import conv, embedded, matrix, norm, positioned, table, vector
from paramcalc.readers.families.towers.vit import biased

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.model import ModelSpec
    from paramcalc.spec.tower import Tower

LAYER = Layer("layernorm_before", "attention", "layernorm_after", names=FC)


def _layer(config: Config, window: int | None = None) -> Parts:
    """A layer, whose tokens attend within a window where it has one."""
    return LAYER.of(config, bias=biased(config), window=window)


def vision(config: Config, at: str) -> Tower:
    """Patches of a frame among themselves, then each with those of the other frames at its place."""
    width, channels = config.integer("hidden_size"), config.integer("num_channels")
    deep, tall, broad = config.listed("tubelet_size", int, 3) or (1, 18, 18)
    high, wide = sides(config, "image_size")
    places, frames = (high // tall) * (wide // broad), config.integer("num_frames")
    modules: Parts = {
        "spatial_embeddings.patch_embeddings.projection": conv(width, channels, deep, tall, broad),
        "spatial_embeddings.position_embeddings": positioned(1, places, width),
        "spatial_layers": layers(config.depth("num_spatial_layers"), "spatial"), "layernorm1": norm(width),
        "temporal_embeddings.position_embeddings": positioned(1, frames, width),
        "temporal_layers": layers(config.depth("num_temporal_layers"), "temporal"), "layernorm2": norm(width)}
    blocks = {"spatial": _layer(config, places), "temporal": _layer(config, frames)}
    return tower("vision", width, modules, blocks, at)


def _head(config: Config) -> Parts:
    """A query that pools all patches."""
    width, count = config.integer("hidden_size"), heads(config)
    inner = config.integer("intermediate_size") // count
    return {"head": Attention(num_heads=count, head_dim=inner, bias=biased(config), causal=False, names={}),
            "head.per_dim_scale": vector(inner, component="attention"),
            "head.pooling_attention_query": matrix(1, 1, width, component="attention", per="sequence"),
            "head_layernorm": norm(width)}


def _pooled(config: Config, at: str) -> Tower:
    """Layers over all patches of all frames, and a query that pools them."""
    modules: Parts = {"auxiliary_layers": layers(config.depth("num_auxiliary_layers"), "auxiliary"), **_head(config)}
    return tower(None, config.integer("hidden_size"), modules, {"auxiliary": _layer(config)}, at, "image_tokens")


def vision_alone(config: Config) -> ModelSpec:
    """The vision tower's own classes: itself, with what pools it, with labels."""
    name = config.architecture
    if name.endswith("VisionModel") or not name:
        return opened(vision(config, ""))
    images = vision(config, "vision_model")
    if name.endswith("VideoModel"):
        pool = _pooled(config, "")
        return opened(images, dict(pool.modules)).model_copy(update={"blocks": {**images.blocks, **pool.blocks}})
    if not name.endswith("ForVideoClassification"):
        raise config.unknown_class()
    return opened(images, _head(config) | labels()(config))


def text(config: Config, at: str = "") -> ModelSpec:
    """The text encoder, whose last token stands for the text."""
    width, rows, places = (config.integer(key) for key in ("hidden_size", "vocab_size", "max_position_embeddings"))
    modules: Parts = {
        "embeddings.token_embedding": table(rows, width, "token_embedding"),
        "embeddings.cls_emb": embedded(1, 1, width),
        "embeddings.position_embedding": vector(places, width, component="position_embedding", buffer=True),
        "embeddings.position_ids": vector(1, places, component="position_embedding", buffer=True),
        "layers": layers(config.layers), "layernorm": norm(width)}
    return model(width, modules, {"layer": _layer(config)}, at, rows)


def videoprism(config: Config) -> ModelSpec:
    """Both encoders, whose vectors are compared."""
    eyes = nested(config, "vision_config", "videoprism_vision_model")
    towers = {"vision": vision(eyes, "video_model.vision_model"), "pooling": _pooled(eyes, "video_model")}
    words = nested(config, "text_config", "videoprism_text_model")
    return text(words, "text_model").model_copy(update={"towers": towers})
