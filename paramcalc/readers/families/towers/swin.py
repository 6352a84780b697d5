"""Swin: attention within windows that shift, four stages of fewer and wider patches. arXiv:2103.14030, 2111.09883."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import QKV, Attention
from paramcalc.components.base import Parts
from paramcalc.readers.families.towers.alone import crowned, model, tapped
from paramcalc.readers.families.towers.frame import layers
from paramcalc.readers.families.towers.geometry import dividing, entries, listed, sides
from paramcalc.readers.families.towers.nets import labelled
from paramcalc.readers.families.towers.parts import conv, dense, down, embedded, norm, positioned, up, vector
from paramcalc.readers.families.towers.vit import decoded_from

if TYPE_CHECKING:
    from paramcalc.components.attention import Projection
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.model import ModelSpec

OLD = {"q_proj": "self.query", "k_proj": "self.key", "v_proj": "self.value", "o_proj": "output.dense"}


def _block(config: Config, width: int, heads: int) -> Parts:
    window, kind = config.integer("window_size"), config.model_type
    dividing(config, "num_heads", heads, width)
    biased, inner = config.flag("qkv_bias", default=True), int(width * config.number("mlp_ratio"))
    qkv: tuple[Projection, ...] = ("q", "v") if kind == "swinv2" else QKV
    bias: tuple[Projection, ...] = (*(qkv if biased else ()), "o")
    attend = Attention(num_heads=heads, bias=bias, causal=False, chunk=window**2, names=OLD)
    table = positioned((2 * window - 1) ** 2, heads)
    feed: Parts = {"intermediate.dense": up(inner, width, component="ffn"),
                   "output.dense": down(width, inner, component="ffn")}
    positions: Parts = {"attention.self.relative_position_bias_table": table}
    if kind == "swinv2":
        at = "attention.self.continuous_position_bias_mlp"
        positions = {"attention.self.logit_scale": vector(heads, 1, 1, component="attention"),
                     f"{at}.0": dense(512, 2, component="position_embedding"),
                     f"{at}.2": dense(heads, 512, bias=False, component="position_embedding")}
    if kind == "donut-swin":
        positions["attention.self.relative_position_index"] = vector(window**2, window**2, buffer=True)
    return {"layernorm_before": norm(width), "attention": attend, **positions, "layernorm_after": norm(width), **feed}


def swin(config: Config) -> ModelSpec:
    """Swin, Swin v2 and Donut's."""
    first, depths = config.integer("embed_dim"), listed(config, "depths")
    heads, stages = entries(config, "num_heads", int, len(depths)), len(depths)
    modules: Parts = {
        "embeddings.patch_embeddings.projection": conv(first, config.integer("num_channels"),
                                                       *sides(config, "patch_size"), outputs=4 ** (stages - 1)),
        "embeddings.norm": norm(first)}
    if config.architecture.endswith("ForMaskedImageModeling"):
        modules["embeddings.mask_token"] = embedded(1, 1, first)
    if config.flag("use_absolute_embeddings"):
        old = config.model_type != "swin"  # which leave a row for a token they have not
        (high, wide), (tall, broad) = sides(config, "image_size"), sides(config, "patch_size")
        modules["embeddings.position_embeddings"] = positioned(1, (high // tall) * (wide // broad) + old, first)
    blocks: dict[str, Parts] = {}
    for index, depth in enumerate(depths):
        width, times = first * 2**index, 4 ** (stages - 1 - index)
        blocks[f"stage{index}"] = _block(config, width, heads[index])
        modules[f"encoder.layers.{index}.blocks"] = layers(depth, f"stage{index}").model_copy(
            update={"hidden_size": width, "uses": times})
        if index < stages - 1:
            at, new = f"encoder.layers.{index}.downsample", config.model_type == "swinv2"
            modules |= {f"{at}.reduction": dense(2 * width, 4 * width, bias=False).model_copy(
                            update={"uses": times // 4}),
                        f"{at}.norm": norm(2 * width if new else 4 * width)}
    last = first * 2 ** (stages - 1)
    normed, backbone = config.model_type == "swin", config.architecture.endswith("Backbone")
    if normed or (config.model_type == "swinv2" and not backbone):
        modules["layernorm"] = norm(last)
    base = {"donut-swin": "donut"}.get(config.model_type, config.model_type)

    def taps(config: Config) -> Parts:
        return tapped(config, [first, *(first * 2**index for index in range(stages))])

    return crowned(config, base, model(last, modules, blocks), {
        **labelled(last), "MaskedImageModeling": (decoded_from(last),), "Backbone": (taps,) if normed else ()})
