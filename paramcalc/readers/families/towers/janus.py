"""Janus: SigLIP to see, a VQGAN's codes to draw. arXiv:2410.13848, 2501.17811."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import QKVO
from paramcalc.components.base import Parts
from paramcalc.readers.families.spellings import FC
from paramcalc.readers.families.towers.frame import Layer, layers, tower, under
from paramcalc.readers.families.towers.geometry import grid, heads
from paramcalc.readers.families.towers.parts import dense, norm, patched, table

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.towers.composite import Composite, Towers
    from paramcalc.spec.tower import Tower

LAYER = Layer(names={"o_proj": "projection_layer", **FC})


def vision(config: Config, at: str) -> Tower:
    """The tower."""
    width = config.integer("hidden_size")
    modules: Parts = {"embeddings.patch_embedding": patched(config, width),
                      "embeddings.position_embedding": table(grid(config), width),
                      "encoder.layers": layers(config.layers), "post_layernorm": norm(width)}
    block = LAYER(width, heads(config), int(width * config.number("mlp_ratio")),
                  bias=QKVO if config.flag("attention_bias", default=True) else ("o",),
                  qk_norm="full" if config.flag("use_qk_norm") else "none", qk_norm_bias=True)
    return tower("vision", width, modules, {"layer": block}, at)


def _aligned(out: int, into: int, depth: int) -> Parts:
    parts: Parts = {"fc1": dense(out, into, component="ffn")}
    return parts | {f"hidden_layers.{index}": dense(out, out, component="ffn") for index in range(depth - 1)}


def janus(model: Composite) -> Towers:
    """What aligns both with the text model, and the head over codes."""
    eyes, codes = model.part("vision_config", "janus_vision_model"), model.part("vq_config", "janus_vqgan")
    width, rows, out = codes.integer("embed_dim"), codes.integer("num_embeddings"), codes.integer("projection_dim")
    drawn: Parts = {"generation_embeddings": table(rows, width, "other_embedding"),
                    **under("generation_aligner", _aligned(out, width, codes.depth("num_hidden_layers"))),
                    "generation_head.proj_out": dense(out, codes.integer("image_token_embed_dim")),
                    "generation_head.vision_head": dense(rows, out, component="vision")}
    aligner = _aligned(eyes.integer("projection_dim"), eyes.integer("hidden_size"), eyes.depth("depth"))
    return {**model.tower("vision_config", "vision_model", "janus_vision_model"),
            **model.join(under("aligner", aligner), eyes.integer("hidden_size")),
            **model.tower("vq_config", "vqmodel", "janus_vqgan"),
            **model.join(drawn, width, "drawing", component=None)}
