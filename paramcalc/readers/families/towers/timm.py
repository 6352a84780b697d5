"""Nets of timm, which configs name and do not describe: `architecture` is all they say.

Definitions: timm 1.0.31, models/mobilenetv5.py, fastvit.py, resnet.py; MobileNetV4's blocks: arXiv:2404.10518,
FastViT: arXiv:2303.14189, MobileCLIP 2: arXiv:2508.20691."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import Attention
from paramcalc.components.base import Parts
from paramcalc.errors import Problem, UnknownArchitectureError
from paramcalc.readers.families.towers.frame import under
from paramcalc.readers.families.towers.nets import Net, divisible, labelled, unit
from paramcalc.readers.families.towers.parts import batchnorm, conv, convolve, norm, rms, vector

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramcalc.readers.config.config import Config
    from paramcalc.spec.model import ModelSpec
    from paramcalc.spec.tower import Tower

STARTS = "35353"
"""Of MobileNetV5's second stage: the kernel each block begins with."""


def _normed(at: str, out: int, into: int, size: int, groups: int = 1) -> Parts:
    """A convolution and the RMSNorm of its channels."""
    return {f"{at}.conv": convolve(out, into, size, size, bias=False, groups=groups),
            f"{at}.bn": rms(out)}


def _edge(out: int, into: int) -> Parts:
    """A full convolution that widens, and one place that narrows."""
    return {"conv_exp": convolve(4 * into, into, 3, 3, bias=False), "bn1": rms(4 * into),
            "conv_pwl": convolve(out, 4 * into, 1, 1, bias=False), "bn2": rms(out)}


def _inverted(out: int, into: int, ratio: int, start: int = 0, middle: int = 0) -> Parts:
    """A bottleneck with depthwise convolutions before, within, or neither."""
    inner = ratio * into
    parts = _normed("dw_start", into, into, start, into) if start else Parts()
    parts |= _normed("pw_exp", inner, into, 1)
    if middle:
        parts |= _normed("dw_mid", inner, inner, middle, inner)
    return parts | _normed("pw_proj", out, inner, 1) | {"layer_scale.gamma": vector(out)}


def _shared(width: int, heads: int, size: int, *, shrinks: bool) -> Parts:
    """Attention whose keys and values all heads share, from fewer places where `shrinks`."""
    parts: Parts = {"norm": rms(width), "layer_scale.gamma": vector(width)}
    for name, out, into in (("query", heads * size, width), ("key", size, width), ("value", size, width),
                            ("output", width, heads * size)):
        if shrinks and name in ("key", "value"):
            parts |= {f"attn.{name}.down_conv": conv(width, width, 3, 3, bias=False, groups=width,
                                                     component="attention"), f"attn.{name}.norm": rms(width)}
        parts[f"attn.{name}.proj"] = conv(out, into, 1, 1, bias=False, component="attention")
    return parts


def mobilenet5() -> Net:
    """The 300M encoder of Gemma 3n: the last two stages are joined at its end."""
    net = Net()
    net.add({"conv_stem.conv": convolve(64, 3, 3, 3), "conv_stem.bn": rms(64)}, 2)
    stages = [
        [_edge(128, 64), _edge(128, 128), _edge(128, 128)],
        [_inverted(256, 128, 6, 3, 5), *(_inverted(256, 256, 4, int(start)) for start in STARTS[1:])],
        [_inverted(640, 256, 6, 5, 5), *[_inverted(640, 640, 4, 5)] * 7, _inverted(640, 640, 1),
         *[_shared(640, 12, 64, shrinks=True), _inverted(640, 640, 2)] * 14],
        [_inverted(1280, 640, 6, 5, 5), *[_shared(1280, 16, 96, shrinks=False), _inverted(1280, 1280, 2)] * 19]]
    for stage, blocks in enumerate(stages):
        for index, parts in enumerate(blocks):
            net.add(under(f"blocks.{stage}.{index}", parts), 1 if index else 2)
    net.add({"msfa.ffn.pw_exp.conv": conv(3840, 1920, 1, 1, bias=False, component="ffn"), "msfa.ffn.pw_exp.bn":
             rms(3840), "msfa.ffn.pw_proj.conv": conv(2048, 3840, 1, 1, bias=False, component="ffn"),
             "msfa.ffn.pw_proj.bn": rms(2048), "msfa.norm": rms(2048)})
    return net


def _one(at: str, out: int, into: int, size: int, groups: int = 1) -> Parts:
    """What was trained as several branches, as the one convolution they amount to."""
    return {f"{at}.reparam_conv": convolve(out, into, size, size, groups=groups)}


def fastvit(first: int, depths: tuple[int, ...]) -> Net:
    """MobileCLIP 2's larger nets, their branches joined: convolutions, and attention in the last two stages."""
    net, width = Net(), first
    net.add(_one("stem.0", first, 3, 3), 2)
    net.add(_one("stem.1", first, first, 3, first), 2)
    net.add(_one("stem.2", first, first, 1))
    for stage, depth in enumerate(depths):
        at, attends = f"stages.{stage}", stage >= len(depths) - 2
        if stage:
            net.add(_one(f"{at}.downsample.proj.0", 2 * width, width, 7, width), 2)
            width *= 2
            net.add(_one(f"{at}.downsample.proj.1", width, width, 1))
        if attends:
            net.add(_one(f"{at}.pos_emb", width, width, 7, width))
        net.stack(f"{at}.blocks", width, [_fast_block(width, attends=attends)] * depth)
    out, squeezed = 2 * width, divisible(2 * width / 16)
    net.add({**_one("final_conv", out, width, 3, width), "final_conv.se.fc1": conv(squeezed, out, 1, 1,
                                                                                   component="ffn"),
             "final_conv.se.fc2": conv(out, squeezed, 1, 1, component="ffn")})
    return net


def _fast_block(width: int, *, attends: bool) -> Parts:
    feed: Parts = {"mlp.conv.conv": conv(width, width, 7, 7, bias=False, groups=width, component="ffn"),
                   "mlp.conv.bn": batchnorm(width), "mlp.fc1": conv(4 * width, width, 1, 1, component="ffn"),
                   "mlp.fc2": conv(width, 4 * width, 1, 1, component="ffn")}
    if not attends:
        return {**_one("token_mixer", width, width, 3, width), **feed, "layer_scale.gamma": vector(width, 1, 1)}
    mixer = Attention(num_heads=width // 32, fused="qkv", bias=("o",), causal=False,
                      names={"qkv_proj": "qkv", "o_proj": "proj"})
    return {"norm": norm(width), "token_mixer": mixer, "layer_scale_1.gamma": vector(width, 1, 1), **feed,
            "layer_scale_2.gamma": vector(width, 1, 1)}


def resnet(depths: tuple[int, ...], *, deep: bool) -> Net:
    """ResNet, with bottlenecks where `deep`."""
    net, into = Net(), 64
    net.add(unit("", 64, 3, 7, words=("conv1", "bn1")), 2)
    net.add({}, 2)
    for stage, depth in enumerate(depths):
        inner = 64 * 2**stage
        out = 4 * inner if deep else inner
        for index in range(depth):
            sizes = ((inner, into, 1), (inner, inner, 3), (out, inner, 1)) if deep else ((out, into, 3), (out, out, 3))
            parts: Parts = {}
            for place, (channels, read, size) in enumerate(sizes, 1):
                parts |= unit("", channels, read, size, words=(f"conv{place}", f"bn{place}"))
            if index == 0 and out != into:
                parts |= unit("downsample", out, into, 1, words=("0", "1"))
            net.add(under(f"layer{stage + 1}.{index}", parts), 2 if stage and not index else 1)
            into = out
    return net


NETS: dict[str, tuple[Callable[[], Net], int, bool]] = {
    "mobilenetv5_300m_enc": (mobilenet5, 2048, False),
    "fastvit_mci3": (lambda: fastvit(96, (2, 12, 24, 4, 2)), 3072, True),
    "fastvit_mci4": (lambda: fastvit(128, (2, 12, 24, 4, 4)), 4096, True),
    "resnet18": (lambda: resnet((2, 2, 2, 2), deep=False), 512, False),
    "resnet34": (lambda: resnet((3, 4, 6, 3), deep=False), 512, False),
    "resnet50": (lambda: resnet((3, 4, 6, 3), deep=True), 2048, False),
    "resnet101": (lambda: resnet((3, 4, 23, 3), deep=True), 2048, False),
    "resnet152": (lambda: resnet((3, 8, 36, 3), deep=True), 2048, False),
}
"""What makes each net, the width it ends in, and whether its branches have to be joined (`inference_mode`)."""


def _net(config: Config) -> tuple[Net, int]:
    """The net a config names. Raises UnknownArchitectureError where nobody described it."""
    name, args = config.text("architecture"), config.get("model_args")
    name = name.partition(".")[0]
    joined = isinstance(args, dict) and args.get("inference_mode") is True
    if name not in NETS or (isinstance(args, dict) and set(args) - {"inference_mode"}):
        raise UnknownArchitectureError(Problem(
            f"timm's {name[:60]!r} is not described" if name not in NETS else "model_args change timm's net",
            (*config.path, "architecture"), f"known: {', '.join(NETS)}"))
    make, width, branches = NETS[name]
    if branches and not joined:
        raise UnknownArchitectureError(Problem(f"timm's {name} is described with its branches joined alone",
                                               (*config.path, "model_args"), "set inference_mode: true"))
    return make(), width


def wrapper(config: Config, at: str) -> Tower:
    """The net as a tower."""
    net, width = _net(config)
    return net.tower(width, f"{at}.timm_model")


def model(config: Config) -> ModelSpec:
    """The net as a model of its own, with labels."""
    net, width = _net(config)
    spec = net.spec(config, "", width, labelled(width, "fc", component="other"))
    return spec.model_copy(update={"modules": {f"timm_model.{key}": part
                                               for key, part in (spec.modules or {}).items()}})
