"""InternVL as the library has it: InternViT and a projector of joined patches. arXiv:2312.14238, arXiv:2504.10479."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import QKV
from paramcalc.components.base import Parts
from paramcalc.readers.families.spellings import FC
from paramcalc.readers.families.towers.frame import Layer, layers, tower
from paramcalc.readers.families.towers.geometry import heads, patches
from paramcalc.readers.families.towers.parts import down, embedded, norm, patched, positioned, up

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.towers.composite import Composite, Towers
    from paramcalc.spec.tower import Tower


def vision(config: Config, at: str) -> Tower:
    """InternViT: learned scales on what attention and feed-forward give."""
    width, count = config.integer("hidden_size"), heads(config)
    modules: Parts = {"embeddings.cls_token": embedded(1, 1, width)}
    if config.flag("use_mask_token"):
        modules["embeddings.mask_token"] = embedded(1, 1, width)
    if config.flag("use_absolute_position_embeddings"):
        modules["embeddings.position_embeddings"] = positioned(1, patches(config) + 1, width)
    modules |= {
        "embeddings.patch_embeddings.projection": patched(config, width),
        "encoder.layer": layers(config.layers),
    }
    if not config.flag("use_mean_pooling"):
        modules["layernorm"] = norm(width)
    kind = config.choice("norm_type", ("layer_norm", "rms_norm"))
    shape = Layer(
        "layernorm_before", "attention", "layernorm_after", scale1="lambda_1", scale2="lambda_2",
        names={"o_proj": "projection_layer", **FC},
        norm="layernorm" if kind == "layer_norm" else "rmsnorm",
        bias=(*(QKV if config.flag("attention_bias") else ()), "o"),
        qk_norm="full" if config.flag("use_qk_norm") else "none")
    return tower("vision", width, modules, {"layer": shape(width, count, config.integer("intermediate_size"))}, at)


def internvl(model: Composite) -> Towers:
    """Squares of patches are joined, normed and projected twice."""
    config, width = model.config, model.text.hidden_size
    factor = int(1 / config.number("downsample_ratio"))
    into = model.part("vision_config", "internvl_vision").integer("hidden_size") * factor**2
    at = "multi_modal_projector"
    join: Parts = {f"{at}.layer_norm": norm(into), f"{at}.linear_1": up(width, into, activated=True),
                   f"{at}.linear_2": down(width, width)}
    return {**model.tower("vision_config", "vision_tower", "internvl_vision"), **model.join(join, into)}
