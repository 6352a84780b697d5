"""Nets for telephones: MobileNet 1 and 2, MobileViT 1 and 2.

arXiv:1704.04861, 1801.04381, 2110.02178, 2206.02680."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.base import Parts
from paramcalc.readers.families.towers.frame import Layer, under
from paramcalc.readers.families.towers.geometry import dividing, listed
from paramcalc.readers.families.towers.nets import Net, chained, divisible, labelled, unit
from paramcalc.readers.families.towers.parts import down, norm, up
from paramcalc.readers.families.towers.segmenting import deeplab3, deeplab3_plus
from paramcalc.readers.families.towers.vit import ATTENTION, biased

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramcalc.component_names import ComponentName
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.encoders.heads import Tops
    from paramcalc.spec.model import ModelSpec

STRIDES_1 = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
STRIDES_2 = (2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1)
WIDTHS_2 = (16, 24, 24, 32, 32, 32, 64, 64, 64, 64, 96, 96, 96, 160, 160, 160, 320)


def mobilenet1(config: Config) -> ModelSpec:
    """MobileNet: a depthwise and a pointwise convolution, 13 times."""
    factor, least = config.number("depth_multiplier"), config.integer("min_depth")
    plain, net = 32, Net()
    width = max(int(plain * factor), least)
    net.add(unit("conv_stem", width, config.integer("num_channels"), 3), 2)
    for index, stride in enumerate(STRIDES_1):
        into = width
        if stride == 2 or index == 0:
            plain *= 2
            width = max(int(plain * factor), least)
        net.add(unit(f"layer.{2 * index}", into, into, 3, groups=into), stride)
        net.add(unit(f"layer.{2 * index + 1}", width, into, 1))
    return net.spec(config, "mobilenet_v1", width)


def _inverted(out: int, into: int, inner: int) -> Parts:
    """Wide between, narrow outside."""
    return (unit("expand_1x1", inner, into, 1) | unit("conv_3x3", inner, inner, 3, groups=inner)
            | unit("reduce_1x1", out, inner, 1))


def mobilenet2(config: Config) -> ModelSpec:
    """MobileNet 2: inverted residuals, 16 times."""
    factor, divisor = config.number("depth_multiplier"), config.integer("depth_divisible_by")
    least = config.integer("min_depth")

    def scaled(channels: float) -> int:
        return divisible(round(channels), divisor, least)

    widths, first, net = [scaled(width * factor) for width in WIDTHS_2], scaled(32 * factor), Net()
    stem = _inverted(widths[0], first, first)
    if config.flag("first_layer_is_expansion", default=True):
        stem = {key: part for key, part in stem.items() if not key.startswith("expand")}
    net.add(under("conv_stem", unit("first_conv", first, config.integer("num_channels"), 3) | stem), 2)
    for index, (into, out) in enumerate(chained(widths[0], widths[1:])):
        stride = STRIDES_2[index] if net.shrunk < config.integer("output_stride") else 1
        net.add(under(f"layer.{index}", _inverted(out, into, scaled(into * config.number("expand_ratio")))), stride)
    last = 1280 if config.flag("finegrained_output", default=True) and factor < 1 else scaled(1280 * factor)
    net.add(unit("conv_1x1", last, widths[-1], 1))
    return net.spec(config, "mobilenet_v2", last, {**labelled(last), **_segmented(net, deeplab3_plus, widths[-1])})


def _segmented(net: Net, head: Callable[[Config, int, int], Parts], into: int) -> Tops:
    """Labels of pixels, from `into` channels at the places the net leaves of an image."""

    def segment(config: Config) -> Parts:
        return head(config, into, max(1, config.integer("image_size") // net.shrunk) ** 2)

    return {"SemanticSegmentation": (segment,)}


def _widened(config: Config, out: int, into: int) -> Parts:
    return _inverted(out, into, divisible(round(into * config.number("expand_ratio"))))


def _plain_stages(config: Config, net: Net, widths: list[int], depths: tuple[int, int]) -> None:
    """The stem and the two stages that are MobileNet's."""
    net.add(unit("conv_stem", widths[0], config.integer("num_channels"), 3), 2)
    for stage, depth in enumerate(depths):
        for index in range(depth):
            into = widths[stage] if index == 0 else widths[stage + 1]
            net.add(under(f"encoder.layer.{stage}.layer.{index}", _widened(config, widths[stage + 1], into)),
                    2 if stage and not index else 1)


def _stride(config: Config, net: Net) -> int:
    """Stages halve the sides until the net's stride is reached."""
    return 2 if net.shrunk < config.integer("output_stride") else 1


def mobilevit(config: Config) -> ModelSpec:
    """MobileViT: transformers over patches between convolutions."""
    necks, widths, size = listed(config, "neck_hidden_sizes", 7), listed(config, "hidden_sizes", 3), config.integer(
        "conv_kernel_size")
    net = Net()
    _plain_stages(config, net, necks, (1, 3))
    shape = Layer("layernorm_before", "attention", "layernorm_after", "", names=ATTENTION,
                  bias=biased(config))
    for index, (width, depth) in enumerate(zip(widths, (2, 4, 3), strict=False)):
        at, out = f"encoder.layer.{index + 2}", necks[index + 3]
        net.add(under(f"{at}.downsampling_layer", _widened(config, out, necks[index + 2])), _stride(config, net))
        net.add(under(at, unit("conv_kxk", out, out, size) | unit("conv_1x1", width, out, 1, normed=False)))
        inner = int(width * config.number("mlp_ratio"))
        block = shape(width, dividing(config, "num_attention_heads", config.integer("num_attention_heads"), width),
                      inner) | {"intermediate.dense": up(inner, width, component="ffn"),
                                "output.dense": down(width, inner, component="ffn")}
        net.stack(f"{at}.transformer.layer", width, [block] * depth)
        net.add(under(at, {"layernorm": norm(width)} | unit("conv_projection", out, width, 1)
                      | unit("fusion", out, 2 * out, size)))
    if not config.architecture.endswith("ForSemanticSegmentation"):
        net.add(unit("conv_1x1_exp", necks[6], necks[5], 1))
    return net.spec(config, "mobilevit", necks[6], {**labelled(necks[-1]), **_segmented(net, deeplab3, necks[-2])})


def mobilevit2(config: Config) -> ModelSpec:
    """MobileViT 2: attention with one score a place, whose cost is linear."""
    factor, size = config.number("width_multiplier"), config.integer("conv_kernel_size")
    first = divisible(max(16, min(64, 32 * factor)), 8, 16)
    plan = [first, divisible(64 * factor, 16), *(divisible(width * factor) for width in (128, 256, 384, 512))]
    units, depths, net = listed(config, "base_attn_unit_dims", 3), listed(config, "n_attn_blocks", 3), Net()
    _plain_stages(config, net, plan, (1, 2))
    for index, (unscaled, depth) in enumerate(zip(units[:3], depths, strict=False)):
        at, out, width = f"encoder.layer.{index + 2}", plan[index + 3], divisible(unscaled * factor)
        net.add(under(f"{at}.downsampling_layer", _widened(config, out, plan[index + 2])), _stride(config, net))
        net.add(under(at, unit("conv_kxk", out, out, size, groups=out) | unit("conv_1x1", width, out, 1, normed=False)))
        inner = int(config.number("ffn_multiplier") * width // 16 * 16)
        block = {"layernorm_before": norm(width), **_pointwise("attention.qkv_proj", 1 + 2 * width, width),
                 **_pointwise("attention.out_proj", width, width), "layernorm_after": norm(width),
                 **_pointwise("ffn.conv1", inner, width, "ffn"), **_pointwise("ffn.conv2", width, inner, "ffn")}
        net.stack(f"{at}.transformer.layer", width, [block] * depth)
        net.add(under(at, {"layernorm": norm(width)} | unit("conv_projection", out, width, 1)))
    return net.spec(config, "mobilevitv2", plan[-1], {**labelled(plan[-1]), **_segmented(net, deeplab3, plan[-1])})


def _pointwise(at: str, out: int, into: int, component: ComponentName = "attention") -> Parts:
    return unit(at, out, into, 1, bias=True, normed=False, component=component)
