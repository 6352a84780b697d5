"""InternVL as the library has it: InternViT and a projector of joined patches. arXiv:2312.14238, arXiv:2504.10479."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.readers.families.towers.clip import heads
from paramcalc.readers.families.towers.parts import (
    QKV,
    Layer,
    Parts,
    conv,
    dense,
    layers,
    norm,
    projector,
    tower,
    vector,
)

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.towers.whole import Towers, Whole
    from paramcalc.spec.tower import Tower


def sides(config: Config, key: str) -> tuple[int, int]:
    """A size of two dimensions, or of one that holds for both."""
    value = config.get(key)
    if isinstance(value, list):
        pair = config.listed(key, int, 2) or []
        if min(pair) < 1:
            raise config.error(key, "must be positive")
        return pair[0], pair[1]
    return config.integer(key), config.integer(key)


def patches(config: Config) -> int:
    """How many patches an image of the tower's size is cut into."""
    (high, wide), (tall, broad) = sides(config, "image_size"), sides(config, "patch_size")
    return (high // tall) * (wide // broad)


def vision(config: Config, at: str) -> Tower:
    """InternViT: learned scales on what attention and feed-forward give."""
    width, count = config.integer("hidden_size"), heads(config)
    modules: Parts = {"embeddings.cls_token": vector(1, 1, width, component="other_embedding")}
    if config.flag("use_mask_token"):
        modules["embeddings.mask_token"] = vector(1, 1, width, component="other_embedding")
    if config.flag("use_absolute_position_embeddings"):
        modules["embeddings.position_embeddings"] = vector(1, patches(config) + 1, width,
                                                           component="position_embedding")
    modules |= {
        "embeddings.patch_embeddings.projection": conv(width, config.integer("num_channels"),
                                                       *sides(config, "patch_size")),
        "encoder.layer": layers(config.layers),
    }
    if not config.flag("use_mean_pooling"):
        modules["layernorm"] = norm(width)
    kind = config.choice("norm_type", ("layer_norm", "rms_norm"))
    shape = Layer(
        "layernorm_before", "attention", "layernorm_after", scale1="lambda_1", scale2="lambda_2",
        names={"o_proj": "projection_layer", "up_proj": "fc1", "down_proj": "fc2"},
        norm="layernorm" if kind == "layer_norm" else "rmsnorm",
        bias=(*(QKV if config.flag("attention_bias") else ()), "o"),
        qk_norm="full" if config.flag("use_qk_norm") else "none")
    return tower("vision", width, modules, {"layer": shape(width, count, config.integer("intermediate_size"))}, at)


def internvl(whole: Whole) -> Towers:
    """Squares of patches are joined, normed and projected twice."""
    config, width = whole.config, whole.text.hidden_size
    factor = int(1 / config.number("downsample_ratio"))
    into = whole.part("vision_config", "internvl_vision").integer("hidden_size") * factor**2
    at = whole.at("multi_modal_projector")
    join: Parts = {f"{at}.layer_norm": norm(into), f"{at}.linear_1": dense(width, into, activated=True),
                   f"{at}.linear_2": dense(width, width)}
    return {**whole.tower("vision_config", "vision_tower", "internvl_vision"), "projector": projector(join, into)}
