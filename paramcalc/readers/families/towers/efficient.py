"""EfficientNet: inverted residuals whose channels are weighed by what all places hold. arXiv:1905.11946."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from paramcalc.components.base import Parts
from paramcalc.readers.families.towers.geometry import listed, ratios
from paramcalc.readers.families.towers.nets import Net, divisible, labelled, unit
from paramcalc.readers.families.towers.parts import batchnorm, convolve

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.model import ModelSpec
    from paramcalc.spec.tower import Tower


def efficientnet(config: Config) -> ModelSpec:
    """EfficientNet as a model of its own."""
    width, wide, (net, out) = config.integer("hidden_dim"), config.number("width_coefficient"), body(config)
    last = divisible(1280 * wide, config.integer("depth_divisor"))
    net.add({"encoder.top_conv": convolve(last, out, 1, 1, bias=False),
             "encoder.top_bn": batchnorm(width)})
    return net.spec(config, "efficientnet", width, labelled(width))


def tower(config: Config, at: str) -> Tower:
    """The net that ALIGN sees with. arXiv:2102.05918."""
    net, last = body(config)
    return net.tower(last, at)


def body(config: Config) -> tuple[Net, int]:
    """Stem and blocks, and the channels they end in; what follows in the class of its own is as wide as `hidden_dim`
    says."""
    wide, deep, divisor = config.number("width_coefficient"), config.number("depth_coefficient"), config.integer(
        "depth_divisor")

    def scaled(channels: int) -> int:
        return divisible(channels * wide, divisor)

    net, first, index, out = Net(), scaled(32), 0, 0
    net.add(unit("embeddings", first, config.integer("num_channels"), 3, words=("convolution", "batchnorm"),
                 component="other_embedding"), 2)
    plan = [listed(config, key) for key in ("in_channels", "out_channels", "kernel_sizes", "strides",
                                            "num_block_repeats")]
    for into, width, size, stride, repeats, wider in zip(*plan, ratios(config, "expand_ratios"), strict=False):
        before, out = scaled(into), scaled(width)
        for place in range(min(1024, ceil(deep * repeats))):
            parts = _block(config, before if place == 0 else out, out, size, wider)
            net.add({f"encoder.blocks.{index}.{key}": part for key, part in parts.items()}, 1 if place else stride)
            index += 1
    return net, out


def _block(config: Config, into: int, out: int, size: int, wider: float) -> Parts:
    inner = int(into * wider)
    squeezed = max(1, int(into * config.number("squeeze_expansion_ratio")))
    parts: Parts = {}
    if wider != 1:
        parts |= unit("expansion", inner, into, 1, words=("expand_conv", "expand_bn"))
    parts |= unit("depthwise_conv", inner, inner, size, groups=inner, words=("depthwise_conv", "depthwise_norm"))
    parts |= {"squeeze_excite.reduce": convolve(squeezed, inner, 1, 1),
              "squeeze_excite.expand": convolve(inner, squeezed, 1, 1)}
    return parts | unit("projection", out, inner, 1, words=("project_conv", "project_bn"))
