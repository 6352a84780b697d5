"""Small convolutional nets of text readers: PP-LCNet, HGNetV2 and TextNet.

arXiv:2109.15099, arXiv:2304.08069 (the net of RT-DETR), arXiv:2111.02394 (FAST)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.base import Parts
from paramcalc.readers.families.towers.frame import under
from paramcalc.readers.families.towers.geometry import entries, listed
from paramcalc.readers.families.towers.nets import Net, chained, divisible, unit
from paramcalc.readers.families.towers.parts import batchnorm, convolve, dense, vector

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.encoders.heads import Tops
    from paramcalc.spec.model import ModelSpec


def rows(config: Config, key: str, least: int) -> list[list[list[int]]]:
    """Stages of rows of integers, `least` at least in a row."""
    value = config.get(key)
    stages: list[list[list[int]]] = value if isinstance(value, list) and value else [[[]]]
    if not all(isinstance(stage, list) and all(_integers(row, least) for row in stage) for stage in stages) or sum(
            map(len, stages)) > 1024:
        raise config.expected(key, f"stages of lists of {least:,} integers")
    return stages


def _integers(row: object, least: int) -> bool:
    return isinstance(row, list) and len(row) >= least and all(
        type(item) in (int, bool) and item < 2**24 for item in row)


def pp_lcnet(config: Config) -> ModelSpec:
    """PP-LCNet: depthwise and pointwise convolutions, some weighed by what all places hold."""
    scale, divisor, reduction = config.number("scale"), config.integer("divisor"), config.integer("reduction")

    def scaled(channels: int) -> int:
        return divisible(channels * scale, divisor)

    net, out, last = Net(), 0, config.integer("class_expand")
    net.add(unit("encoder.convolution", scaled(config.integer("stem_channels")), 3, 3), config.integer("stem_stride"))
    for stage, blocks in enumerate(rows(config, "block_configs", 5)):
        for index, (size, before, after, stride, squeezes) in enumerate(blocks):
            at, into, out = f"encoder.blocks.{stage}.layers.{index}", scaled(before), scaled(after)
            parts = unit("depthwise_convolution", into, into, size, groups=into)
            if squeezes:
                small = into // reduction
                parts |= {"squeeze_excitation_module.convolutions.0": convolve(small, into, 1, 1),
                          "squeeze_excitation_module.convolutions.2": convolve(into, small, 1, 1)}
            net.add(under(at, parts | unit("pointwise_convolution", out, into, 1)), stride)

    def classify(config: Config) -> Parts:
        return {"last_convolution": convolve(last, out, 1, 1, bias=False),
                "head": dense(config.labels, last, component="lm_head", per="sequence")}

    return net.spec(config, "", out, {"Model": (), "Backbone": (), "ImageClassification": (classify,)})


def _affine(config: Config, at: str, parts: Parts) -> Parts:
    """With a learned scale and shift of all it gives, if the config wants them."""
    learned: Parts = {f"{at}.lab.scale": vector(1), f"{at}.lab.bias": vector(1)}
    return parts | learned if config.flag("use_learnable_affine_block") else parts


def hgnet(config: Config) -> ModelSpec:
    """HGNetV2: each block joins what all its convolutions gave."""
    first, stem, small = listed(config, "stem_channels", 3)[:3]
    strides, net = listed(config, "stem_strides", 5), Net()
    plan = (("stem1", stem, first, 3), ("stem2a", stem // 2, stem, 2), ("stem2b", stem, stem // 2, 2),
            ("stem3", stem, 2 * stem, 3), ("stem4", small, stem, 1))
    for (name, out, into, size), stride in zip(plan, strides, strict=False):
        at = f"embedder.{name}"
        net.add(_affine(config, at, unit(at, out, into, size, component="other_embedding")), stride)
    count, width = len(listed(config, "stage_in_channels")), 0
    columns = [listed(config, f"stage_{key}", count) for key in (
        "in_channels", "mid_channels", "out_channels", "num_blocks", "numb_of_layers", "kernel_size",
        "downsample_strides")]
    light, shrinks = (entries(config, f"stage_{key}", bool, count) for key in ("light_block", "downsample"))
    for index in range(count):
        into, middle, width, depth, inner, size, stride = (column[index] for column in columns)
        at = f"encoder.stages.{index}"
        if shrinks[index]:
            net.add(unit(f"{at}.downsample", into, into, 3, groups=into), stride)
        for block in range(min(depth, 256)):
            net.add(under(f"{at}.blocks.{block}", _joined(config, into if block == 0 else width, middle, width,
                                                          min(inner, 256), size, light=light[index])))

    def classify(config: Config) -> Parts:
        return {"fc": dense(config.labels, listed(config, "hidden_sizes")[-1], component="other", per="sequence")}

    return net.spec(config, "", width, {"Model": (), "Backbone": (), "ImageClassification": (classify,)})


def _joined(config: Config, into: int, middle: int, out: int, count: int, size: int, *, light: bool) -> Parts:
    parts: Parts = {}
    for index in range(count):
        read, at = middle if index else into, f"layers.{index}"
        if light:
            parts |= unit(f"{at}.conv1", middle, read, 1)
            parts |= _affine(config, f"{at}.conv2", unit(f"{at}.conv2", middle, middle, size, groups=middle))
        else:
            parts |= _affine(config, at, unit(at, middle, read, size))
    joined = into + count * middle
    for index, (wide, read) in enumerate(((out // 2, joined), (out, out // 2))):
        parts |= _affine(config, f"aggregation.{index}", unit(f"aggregation.{index}", wide, read, 1))
    return parts


def textnet(config: Config) -> ModelSpec:
    """TextNet: three convolutions at once, square, upright and flat."""
    kernels, strides = rows(config, "conv_layer_kernel_sizes", 2), config.get("conv_layer_strides")
    widths, net, size = listed(config, "hidden_sizes", len(kernels) + 1), Net(), config.integer("stem_kernel_size")
    first = config.integer("stem_out_channels")
    if not isinstance(strides, list) or [len(row) for row in strides] != [len(stage) for stage in kernels]:
        raise config.expected("conv_layer_strides", "a stride for each of conv_layer_kernel_sizes")
    net.add(unit("stem", first, config.integer("stem_num_channels"), size, words=("conv", "batch_norm")),
            config.integer("stem_stride"))
    for stage, (into, width) in enumerate(chained(widths[0], widths[1:len(kernels) + 1])):
        for index, (tall, broad) in enumerate(kernels[stage]):
            read, stride = width if index else into, strides[stage][index]
            parts = _at_once("main", width, read, (tall, broad))
            if broad != 1:
                parts |= _at_once("vertical", width, read, (tall, 1))
            if tall != 1:
                parts |= _at_once("horizontal", width, read, (1, broad))
            if read == width and stride == 1:
                parts["rbr_identity"] = batchnorm(width)
            net.add(under(f"encoder.stages.{stage}.stage.{index}", parts), stride)
    tops: Tops = {"Model": (), "Backbone": (), "ImageClassification": (
        lambda config: {"fc": dense(config.labels, widths[-1], component="other", per="sequence")},)}
    return net.spec(config, "textnet", widths[-1], tops, around=True)


def _at_once(word: str, out: int, into: int, kernel: tuple[int, int]) -> Parts:
    return {f"{word}_conv": convolve(out, into, *kernel, bias=False), f"{word}_batch_norm":
            batchnorm(out)}
