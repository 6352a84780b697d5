"""InternVL 1 to 3 as published with code of their own: InternViT, and two matrices over joined patches.

Source: OpenGVLab/InternVL2-2B, modeling_intern_vit.py and modeling_internvl_chat.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import QKVO
from paramcalc.components.base import Parts
from paramcalc.readers.families.spellings import FC
from paramcalc.readers.families.towers.frame import Layer, layers, tower
from paramcalc.readers.families.towers.parts import conv, down, embedded, norm, positioned, up

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.towers.composite import Composite, Towers
    from paramcalc.spec.tower import Tower

TYPE = "intern_vit_6b"
PICTURES = {"dynamic_image_size", "force_image_size", "max_dynamic_patch", "min_dynamic_patch", "pad2square",
            "ps_version", "select_layer", "template", "use_thumbnail"}
"""Keys about how pictures are cut and which layer's states are read: none changes a size."""


def vision(config: Config, at: str) -> Tower:
    """InternViT: a learned scale on what attention and feed-forward give; the 6B size norms queries and keys."""
    width, patch = config.integer("hidden_size"), config.integer("patch_size")
    rows = (config.integer("image_size") // patch) ** 2 + 1
    modules: Parts = {
        "embeddings.class_embedding": embedded(1, 1, width),
        "embeddings.patch_embedding": conv(width, config.integer("num_channels", 3), patch, patch),
        "embeddings.position_embedding": positioned(1, rows, width),
        "encoder.layers": layers(config.layers),
    }
    rms = config.choice("norm_type", ("layer_norm", "rms_norm"), "layer_norm") == "rms_norm"
    shape = Layer(
        "norm1", "attn", "norm2", scale1="ls1", scale2="ls2", fused="qkv", norm="rmsnorm" if rms else "layernorm",
        names={"qkv_proj": "qkv", "o_proj": "proj", **FC},
        bias=QKVO if config.flag("qkv_bias") else ("o",),
        qk_norm="full" if config.flag("qk_normalization") else "none")
    block = shape(width, config.integer("num_attention_heads"), config.integer("intermediate_size"))
    return tower("vision", width, modules, {"layer": block}, at)


def internvl_chat(model: Composite) -> Towers:
    """Squares of patches are joined, normed and projected twice."""
    config, width = model.config, model.text.hidden_size
    config.read |= PICTURES
    factor = int(1 / config.number("downsample_ratio", 0.5))
    into = model.part("vision_config", TYPE).integer("hidden_size") * factor**2
    join: Parts = {"mlp1.0": norm(into), "mlp1.1": up(width, into), "mlp1.3": down(width, width)}
    return {**model.tower("vision_config", "vision_model", TYPE), **model.join(join, into)}
