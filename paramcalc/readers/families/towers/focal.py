"""Nets without the usual attention: FocalNet, SwiftFormer. arXiv:2203.11926, 2303.15446."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.base import Parts
from paramcalc.readers.families.towers.frame import under
from paramcalc.readers.families.towers.geometry import entries, listed, sides, stages
from paramcalc.readers.families.towers.nets import Net, labelled
from paramcalc.readers.families.towers.parts import (
    batchnorm,
    conv,
    convolve,
    dense,
    down,
    embedded,
    matrix,
    norm,
    up,
    vector,
)
from paramcalc.readers.families.towers.vit import decoded_from

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.encoders.heads import Tops
    from paramcalc.spec.model import ModelSpec


def focalnet(config: Config) -> ModelSpec:
    """FocalNet: neighbourhoods of growing size modulate each place."""
    depths, first, net = stages(config), config.integer("embed_dim"), Net()
    convolves = config.flag("use_conv_embed")
    tall, broad = sides(config, "patch_size")
    stem = (7, 7) if convolves else (tall, broad)
    net.add(under("embeddings", {"patch_embeddings.projection": conv(first, config.integer("num_channels"), *stem),
                                 "norm": norm(first)}), 4 if convolves else tall)
    if config.architecture.endswith("MaskedImageModeling"):
        net.add({"embeddings.mask_token": embedded(1, 1, first)})
    widths = [first * 2**index for index in range(len(depths))]
    levels, windows = (listed(config, key, len(depths)) for key in ("focal_levels", "focal_windows"))
    for index, width in enumerate(widths):
        block = _modulated(config, width, min(levels[index], 64), windows[index])
        net.stack(f"encoder.stages.{index}.layers", width, [block] * depths[index])
        if width != widths[-1]:
            side = 3 if convolves else 2
            net.add(under(f"encoder.stages.{index}.downsample", {
                "projection": conv(2 * width, width, side, side), "norm": norm(2 * width)}), 2)
    net.add({"layernorm": norm(widths[-1])})
    tops: Tops = {**labelled(widths[-1]), "MaskedImageModeling": (decoded_from(widths[-1]),), "Backbone": ()}
    return net.spec(config, "focalnet", widths[-1], tops, around=True)


def _modulated(config: Config, width: int, levels: int, window: int) -> Parts:
    inner = int(width * config.number("mlp_ratio"))
    parts: Parts = {"norm1": norm(width), "modulation.projection_in": dense(2 * width + levels + 1, width),
                    "modulation.projection_context": convolve(width, width, 1, 1),
                    "modulation.projection_out": dense(width, width)}
    for level in range(levels):
        size = 2 * level + window
        parts[f"modulation.focal_layers.{level}.0"] = convolve(width, width, size, size, bias=False, groups=width)
    if config.flag("use_post_layernorm_in_modulation"):
        parts["modulation.layernorm"] = norm(width)
    parts |= {"norm2": norm(width), "mlp.fc1": up(inner, width, component="ffn"),
              "mlp.fc2": down(width, inner, component="ffn")}
    if config.flag("use_layerscale"):
        parts |= {"gamma_1": vector(width), "gamma_2": vector(width)}
    return parts


def swiftformer(config: Config) -> ModelSpec:
    """SwiftFormer: the last layer of each stage attends by one vector for all places."""
    depths, net = stages(config), Net()
    widths = listed(config, "embed_dims", len(depths))
    half, into = widths[0] // 2, config.integer("num_channels")
    at, size, stride = "patch_embed.patch_embedding", config.integer("down_patch_size"), config.integer("down_stride")
    net.add({f"{at}.0": conv(half, into, 3, 3), f"{at}.1": batchnorm(half)}, 2)
    net.add({f"{at}.3": conv(widths[0], half, 3, 3), f"{at}.4": batchnorm(widths[0])}, 2)
    shrinks, place = entries(config, "downsamples", bool, len(depths)), 0
    for index, depth in enumerate(depths):
        width = widths[index]
        blocks = [_convolved(config, width)] * (depth - 1) + [_attended(config, width)]
        net.stack(f"encoder.network.{place}.blocks", width, blocks)
        place += 1
        if index < len(depths) - 1 and (shrinks[index] or width != widths[index + 1]):
            after = widths[index + 1]
            net.add(under(f"encoder.network.{place}", {"proj": conv(after, width, size, size),
                                                       "norm": batchnorm(after)}), stride)
            place += 1
    return net.spec(config, "swiftformer", widths[-1], _swift_tops(widths[-1]))


def _swift_tops(width: int) -> Tops:
    def classify(config: Config) -> Parts:
        label = dense(config.labels, width, component="lm_head", per="sequence")
        return {"norm": batchnorm(width), "head": label, "dist_head": label.model_copy(update={"component": "other"})}

    return {"Model": (), "ImageClassification": (classify,)}


def _local(width: int, inner: int) -> Parts:
    return {"depth_wise_conv": convolve(width, width, 3, 3, groups=width), "norm": batchnorm(width),
            "point_wise_conv1": convolve(inner, width, 1, 1),
            "point_wise_conv2": convolve(width, inner, 1, 1), "layer_scale": vector(width, 1, 1)}


def _convolved(config: Config, width: int) -> Parts:
    return _local(width, int(config.number("mlp_ratio") * width))


def _attended(config: Config, width: int) -> Parts:
    inner = int(config.number("mlp_ratio") * width)
    parts = under("local_representation", _local(width, width))
    parts |= {f"attn.{name}": dense(width, width, component="attention")
              for name in ("to_query", "to_key", "proj", "final")}
    parts |= {"attn.w_g": matrix(width, 1, component="attention"), "linear.norm1": batchnorm(width),
              "linear.fc1": conv(inner, width, 1, 1, component="ffn"),
              "linear.fc2": conv(width, inner, 1, 1, component="ffn")}
    if config.flag("use_layer_scale", default=True):
        parts |= {"layer_scale_1": vector(width, 1, 1), "layer_scale_2": vector(width, 1, 1)}
    return parts
