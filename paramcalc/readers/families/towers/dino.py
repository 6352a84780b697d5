"""DINOv2 and DINOv3. arXiv:2304.07193, arXiv:2309.16588 (registers), arXiv:2508.10104."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.base import Parts
from paramcalc.readers.families.spellings import FC
from paramcalc.readers.families.towers.alone import crowned, labels, opened
from paramcalc.readers.families.towers.frame import Layer, layers, tower
from paramcalc.readers.families.towers.geometry import heads, patches
from paramcalc.readers.families.towers.parts import ROTARY, embedded, norm, patched, positioned
from paramcalc.readers.families.towers.vit import ATTENTION, biased

if TYPE_CHECKING:
    from paramcalc.components.attention import Projection
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.model import ModelSpec
    from paramcalc.spec.tower import Tower

LAYER = Layer("norm1", "attention", "norm2", scale1="layer_scale1.lambda1", scale2="layer_scale2.lambda1",
              names={**ATTENTION, **FC})
V3 = Layer("norm1", "attention", "norm2", scale1="layer_scale1.lambda1", scale2="layer_scale2.lambda1", names={})


def two_thirds(inner: int) -> int:
    """The inner width of a gated feed-forward in place of a plain one: two thirds, rounded up to a multiple of 8."""
    return -(-int(inner * 2 / 3) // 8) * 8


def dinov2(config: Config, at: str) -> Tower:
    """DINOv2, with registers or without."""
    width, inner = config.integer("hidden_size"), int(config.integer("hidden_size") * config.number("mlp_ratio"))
    modules: Parts = {"embeddings.cls_token": embedded(1, 1, width)}
    registers = config.model_type in ("dinov2_with_registers", "tipsv2_vision_model")
    if registers or config.flag("use_mask_token", default=True):
        modules["embeddings.mask_token"] = embedded(1, width)
    modules["embeddings.position_embeddings"] = positioned(1, patches(config) + 1, width)
    if registers and (count := config.integer("num_register_tokens", least=0)):
        modules["embeddings.register_tokens"] = embedded(1, count, width)
    modules |= {"embeddings.patch_embeddings.projection": patched(config, width),
                "encoder.layer": layers(config.layers), "layernorm": norm(width)}
    gated = config.flag("use_swiglu_ffn")
    joined = gated and config.model_type != "tipsv2_vision_model"  # TIPS 2's class has a matrix for the gate
    names = LAYER.names if not gated else ATTENTION
    if joined:
        names = {**names, "gate_up_proj": "weights_in", "down_proj": "weights_out"}
    block = LAYER(width, heads(config), two_thirds(inner) if gated else inner, gated=gated, bias=biased(config),
                  fused_gate=joined, names=names)
    return tower("vision", width, modules, {"layer": block}, at)


def dinov3(config: Config, at: str) -> Tower:
    """DINOv3: rotary positions, registers, a bias on each projection as the config says."""
    width = config.integer("hidden_size")
    modules: Parts = {"embeddings.cls_token": embedded(1, 1, width),
                      "embeddings.mask_token": embedded(1, 1, width)}
    if count := config.integer("num_register_tokens", least=0):
        modules["embeddings.register_tokens"] = embedded(1, count, width)
    modules |= {"embeddings.patch_embeddings": patched(config, width),
                "positions": ROTARY, "layer": layers(config.layers), "norm": norm(width)}
    keys: tuple[tuple[Projection, str, bool], ...] = (("q", "query_bias", True), ("k", "key_bias", False),
                                                      ("v", "value_bias", True), ("o", "proj_bias", True))
    bias = tuple(word for word, key, usual in keys if config.flag(key, default=usual))
    block = V3.of(config, gated=config.flag("use_gated_mlp"), bias=bias, mlp_bias=config.flag("mlp_bias", default=True))
    return tower("vision", width, modules, {"layer": block}, at)


def dinov2_model(config: Config) -> ModelSpec:
    """DINOv2 alone: a classifier reads the first token and the mean of the patches."""
    return crowned(config, config.model_type, opened(dinov2(config, "")),
                   {"Model": (), "Backbone": (), "ImageClassification": (labels(times=2),)})


def dinov3_model(config: Config) -> ModelSpec:
    """DINOv3 alone."""
    return crowned(config, "dinov3_vit", opened(dinov3(config, "")), {"Model": (), "Backbone": ()})
