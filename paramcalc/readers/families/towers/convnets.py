"""Convolutional nets: ResNet, RegNet, BiT, ConvNeXt, DINOv3's.

arXiv:1512.03385, 2003.13678, 1912.11370, 2201.03545."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.base import Parts
from paramcalc.components.norm import Norm
from paramcalc.readers.families.towers.alone import crowned, model, tapped, unmeasured
from paramcalc.readers.families.towers.frame import layers
from paramcalc.readers.families.towers.geometry import entries, listed
from paramcalc.readers.families.towers.nets import divisible, labelled
from paramcalc.readers.families.towers.parts import batchnorm, conv, convolve, dense, down, norm, up, vector

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.encoders.heads import Tops
    from paramcalc.spec.model import ModelSpec


def stages(config: Config) -> list[tuple[int, int]]:
    """Width and depth of each stage."""
    widths = listed(config, "hidden_sizes")
    depths = entries(config, "depths", int, len(widths))
    if min(depths) < 1:
        raise config.expected("depths", "positive integers")
    return list(zip(widths, depths, strict=True))


def _unit(at: str, out: int, into: int, size: int, groups: int = 1, outputs: int = 1) -> Parts:
    """A convolution and its norm."""
    return {f"{at}.convolution": conv(out, into, size, size, bias=False, groups=groups, component="other",
                                      outputs=outputs),
            f"{at}.normalization": batchnorm(out)}


def _resnet_layer(config: Config, into: int, out: int, *, changed: bool, strided: bool) -> Parts:
    """The second of three convolutions halves the sides, unless the first is told to."""
    before = 4 if strided and not config.flag("downsample_in_bottleneck") else 1
    parts = _unit("shortcut", out, into, 1) if changed else Parts()
    if config.text("layer_type") != "bottleneck":
        return parts | _unit("layer.0", out, into, 3) | _unit("layer.1", out, out, 3)
    inner = out // 4
    return (parts | _unit("layer.0", inner, into, 1, outputs=before) | _unit("layer.1", inner, inner, 3)
            | _unit("layer.2", out, inner, 1))


def _regnet_layer(config: Config, into: int, out: int, *, changed: bool, strided: bool) -> Parts:
    groups = max(1, out // config.integer("groups_width"))
    parts = _unit("shortcut", out, into, 1) if changed else Parts()
    parts |= _unit("layer.0", out, into, 1, outputs=4 if strided else 1) | _unit("layer.1", out, out, 3, groups)
    if config.text("layer_type") == "x":
        return parts | _unit("layer.2", out, out, 1)
    squeezed = round(into / 4)
    parts |= {"layer.2.attention.0": conv(squeezed, out, 1, 1, component="attention"),
              "layer.2.attention.2": conv(out, squeezed, 1, 1, component="attention")}
    return parts | _unit("layer.3", out, out, 1)


def _labels(config: Config, width: int) -> Tops:
    def classify(config: Config) -> Parts:
        return {"classifier.1": dense(config.labels, width, component="lm_head", per="sequence")}

    return {"Model": (), "ImageClassification": (classify,)}


def resnet(config: Config) -> ModelSpec:
    """ResNet and RegNet: the first layer of a stage changes width and halves the side."""
    first, plan, reg = config.integer("embedding_size"), stages(config), config.model_type == "regnet"
    size = 3 if reg else 7
    modules: Parts = {"embedder.embedder.convolution": conv(first, config.integer("num_channels"), size, size,
                                                            bias=False, outputs=4 ** len(plan)),
                      "embedder.embedder.normalization": batchnorm(first)}
    blocks: dict[str, Parts] = {}
    into, make = first, _regnet_layer if reg else _resnet_layer
    for index, (width, depth) in enumerate(plan):
        times = 4 ** (len(plan) - 1 - index)
        strided = index > 0 or config.flag("downsample_in_first_stage", default=reg)
        blocks[f"first{index}"] = make(config, into, width, changed=strided or into != width, strided=strided)
        at = f"encoder.stages.{index}.layers"
        modules[at] = layers(1, f"first{index}").model_copy(update={"uses": times, "hidden_size": width})
        if depth > 1:
            blocks[f"other{index}"] = make(config, width, width, changed=False, strided=False)
            names = (f"first{index}", *(f"other{index}",) * (depth - 1))
            modules[at] = modules[at].model_copy(update={"of": names})
        into = width
    return crowned(config, config.model_type, model(into, modules, blocks),
                   {**_labels(config, into), "Backbone": ()})


def bit(config: Config) -> ModelSpec:
    """Big Transfer: norms before convolutions."""
    first, plan, before = config.integer("embedding_size"), stages(config), config.text("layer_type") == "preactivation"
    modules: Parts = {"embedder.convolution": conv(first, config.integer("num_channels"), 7, 7, bias=False)}
    if not before:
        modules["embedder.norm"] = norm(first)
    blocks: dict[str, Parts] = {}
    into, factor = first, config.integer("width_factor")
    for index, (plain, depth) in enumerate(plan):
        width = divisible(plain * factor)
        for place in range(depth):
            blocks[f"stage{index}.{place}"] = _bit_layer(into, width, preceding=before, first=place == 0)
            into = width
        modules[f"encoder.stages.{index}.layers"] = layers(1, f"stage{index}.0").model_copy(
            update={"of": tuple(f"stage{index}.{place}" for place in range(depth)), "hidden_size": width})
    if before:
        modules["norm"] = norm(plan[-1][0])
    # the last norm and the labels take the width as the config says it, however its stages round theirs
    return crowned(config, "bit", model(into, modules, blocks), {**_labels(config, plan[-1][0]), "Backbone": ()},
                   around=True)


def _bit_layer(into: int, out: int, *, preceding: bool, first: bool) -> Parts:
    inner = divisible(out / 4)
    parts: Parts = {}
    if first:
        parts["downsample.conv"] = convolve(out, into, 1, 1, bias=False)
        if not preceding:
            parts["downsample.norm"] = norm(out)
    for index, (wide, read, size) in enumerate(((inner, into, 1), (inner, inner, 3), (out, inner, 1)), 1):
        parts |= {f"norm{index}": norm(read if preceding else wide),
                  f"conv{index}": convolve(wide, read, size, size, bias=False)}
    return parts


def convnext(config: Config) -> ModelSpec:
    """ConvNeXt and its second version, which norms responses in place of the learned scale."""
    plan, new, patch = stages(config), config.model_type == "convnextv2", config.integer("patch_size")
    if (count := config.integer("num_stages", len(plan))) != len(plan):
        raise config.error("num_stages", f"{count} stages of {len(plan)} hidden_sizes")
    into = plan[0][0]
    modules: Parts = {"embeddings.patch_embeddings": conv(into, config.integer("num_channels"), patch, patch,
                                                          outputs=4 ** (count - 1)),
                      "embeddings.layernorm": norm(into)}
    blocks: dict[str, Parts] = {}
    for index, (width, depth) in enumerate(plan):
        at, inner = f"encoder.stages.{index}", 4 * width
        if index:
            modules |= {f"{at}.downsampling_layer.0": norm(into),
                        f"{at}.downsampling_layer.1": conv(width, into, 2, 2, component="other",
                                                           outputs=4 ** (count - 1 - index))}
        modules[f"{at}.layers"] = layers(depth, f"stage{index}").model_copy(
            update={"uses": 4 ** (count - 1 - index), "hidden_size": width})
        scale: Parts = {}
        if new:
            scale = {"grn.weight": vector(1, 1, 1, inner), "grn.bias": vector(1, 1, 1, inner)}
        elif config.number("layer_scale_init_value", 1e-6) > 0:
            scale = {"layer_scale_parameter": vector(width)}
        blocks[f"stage{index}"] = {"dwconv": convolve(width, width, 7, 7, groups=width),
                                   "layernorm": norm(width), "pwconv1": up(inner, width), **scale,
                                   "pwconv2": down(width, inner)}
        into = width
    if not config.architecture.endswith("Backbone"):
        modules["layernorm"] = Norm(kind="layernorm", hidden_size=into)

    def taps(config: Config) -> Parts:
        return tapped(config, [plan[0][0], *(width for width, _ in plan)])

    return crowned(config, config.model_type, model(into, modules, blocks), {**labelled(into), "Backbone": (taps,)})


def _tiny(config: Config) -> list[tuple[int, int]]:
    """The stages; those of the smallest of its models where the config says null."""
    widths = listed(config, "hidden_sizes") if config.get("hidden_sizes") is not None else [96, 192, 384, 768]
    depths = [3, 3, 9, 3] if config.get("depths") is None else listed(config, "depths")
    if len(widths) > len(depths):
        raise config.error("depths", f"{len(depths)} of them for {len(widths)} hidden_sizes")
    return list(zip(widths, depths, strict=False))


def dinov3(config: Config) -> ModelSpec:
    """DINOv3's ConvNeXt, under names of its own: what halves the sides begins each stage. arXiv:2508.10104."""
    plan, modules, blocks = _tiny(config), Parts(), dict[str, Parts]()
    into = config.integer("num_channels")
    for index, (width, depth) in enumerate(plan):
        at, times = f"stages.{index}", 4 ** (len(plan) - 1 - index)
        if index:
            modules |= {f"{at}.downsample_layers.0": norm(into),
                        f"{at}.downsample_layers.1": conv(width, into, 2, 2, component="other", outputs=times)}
        else:
            modules |= {f"{at}.downsample_layers.0": conv(width, into, 4, 4, component="other", outputs=times),
                        f"{at}.downsample_layers.1": norm(width)}
        modules[f"{at}.layers"] = layers(depth, f"stage{index}").model_copy(
            update={"uses": times, "hidden_size": width})
        blocks[f"stage{index}"] = {"depthwise_conv": convolve(width, width, 7, 7, groups=width),
                                   "layer_norm": norm(width), "pointwise_conv1": dense(4 * width, width),
                                   "pointwise_conv2": dense(width, 4 * width), "gamma": vector(width)}
        into = width
    if not config.architecture.endswith("Backbone"):
        modules["layer_norm"] = norm(into)
    return unmeasured(crowned(config, "", model(into, modules, blocks), {"Model": (), "Backbone": ()}))
