"""GLM-4V's vision towers: a downsampling convolution and a gated merger after the layers. arXiv:2507.01006."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import QKV, QKVO
from paramcalc.components.base import Parts
from paramcalc.readers.families.towers.frame import Layer, fewer, layers, tower
from paramcalc.readers.families.towers.geometry import grid, heads
from paramcalc.readers.families.towers.parts import conv, down, norm, product, rms, table, up
from paramcalc.readers.families.towers.qwen_vl import patches

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.towers.composite import Composite, Towers
    from paramcalc.spec.tower import Tower

LAYER = Layer("norm1", "attn", "norm2", "mlp", names={"qkv_proj": "qkv", "o_proj": "proj"}, fused="qkv",
              norm="rmsnorm", gated=True)


def _merger(config: Config, inner: int) -> Parts:
    width, out = config.integer("hidden_size"), config.integer("out_hidden_size")
    side = config.integer("spatial_merge_size")
    return fewer({
        "downsample": conv(out, width, side, side, component="other", inputs=side**2),
        "merger.proj": up(out, out, bias=False), "merger.post_projection_norm": norm(out),
        "merger.gate_proj": product(up(inner, out, bias=False, component="ffn", activated=True)),
        "merger.up_proj": product(up(inner, out, bias=False, component="ffn")),
        "merger.down_proj": down(out, inner, bias=False, component="ffn"),
    }, side**2)


def vision4(config: Config, at: str) -> Tower:
    """GLM-4.1V: the feed-forward is as wide as the text model, the merger's as `intermediate_size` says."""
    width = config.integer("hidden_size")
    modules = patches(config, width, bias=True) | {
        "embeddings.position_embedding": table(grid(config), width), "post_conv_layernorm": rms(width),
        "blocks": layers(config.depth("depth")), "post_layernorm": rms(width),
        **_merger(config, config.integer("intermediate_size"))}
    block = LAYER(width, heads(config, "num_heads"), config.integer("out_hidden_size"), mlp_bias=False,
                  bias=QKV if config.flag("attention_bias") else ())
    return tower("vision", width, modules, {"layer": block}, at)


def vision_ocr(config: Config, at: str) -> Tower:
    """GLM-OCR and GLM-5: norms on queries and keys, no table of positions."""
    width, bias = config.integer("hidden_size"), config.flag("attention_bias")
    inner = config.optional("projection_intermediate_size") or (
        config.integer("out_hidden_size") * config.integer("in_channels", 3))
    modules = patches(config, width, bias=True) | {"blocks": layers(config.depth("depth")),
                                                   "post_layernorm": rms(width),
                                                   **_merger(config, inner)}
    block = LAYER(width, heads(config, "num_heads"), config.integer("intermediate_size"), qk_norm="head",
                  mlp_bias=bias, bias=QKVO if bias else ())
    return tower("vision", width, modules, {"layer": block}, at)


def glm4v(model: Composite) -> Towers:
    """The merger is part of the tower."""
    usual = {"glm4v_moe": "glm4v_moe_vision", "glm_ocr": "glm_ocr_vision", "glm5_next": "glm5_next_vision"}
    return model.tower("vision_config", "visual", usual.get(model.config.model_type, "glm4v_vision"))
