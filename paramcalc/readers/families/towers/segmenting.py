"""Heads that give each pixel a label: UPerNet, a plain convolutional net, DeepLab, CLIPSeg's decoder.

arXiv:1807.10221 (UPerNet), 1411.4038 (fully convolutional nets), 1706.05587 and 1802.02611 (DeepLab), 2112.10003
(CLIPSeg)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from paramcalc.components.base import Parts
from paramcalc.readers.families.towers.frame import Layer, fewer, layers, tower, under
from paramcalc.readers.families.towers.geometry import listed, patches
from paramcalc.readers.families.towers.nets import unit
from paramcalc.readers.families.towers.parts import batchnorm, conv, convolve, dense

if TYPE_CHECKING:
    from paramcalc.components.convolution import Convolution
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.tower import Tower

LAYER = Layer()
SCALES = (16, 4, 1)
"""Places of a pyramid's levels for each patch; the fourth has a quarter."""


class Spelling(NamedTuple):
    """How files spell a head's parts, where that is not as the library's class does."""

    unit: tuple[str, str] = ("convolution", "normalization")
    """A convolution and its norm."""
    means: str = "psp_modules.blocks.{}.conv"
    bottleneck: str = "psp_bottleneck"
    pyramid: tuple[str, str, str, str] = ("fpn1.0", "fpn1.1", "fpn1.3", "fpn2.0")
    """Two convolutions with a norm between them for the first scale, a convolution for the second."""

    def normed(self, at: str, out: int, into: int, kernel: int) -> Parts:
        """A convolution without a bias, and its norm."""
        first, second = self.unit
        return {f"{at}.{first}": convolve(out, into, kernel, kernel, bias=False),
                f"{at}.{second}": batchnorm(out)}


CLASS = Spelling()
BEIT = Spelling(("conv", "bn"), "psp_modules.{}.1", "bottleneck")
BACKBONE = Spelling(
    pyramid=("fpn.fpn1.conv_transpose1", "fpn.fpn1.normalization", "fpn.fpn1.conv_transpose2", "fpn.fpn2"))


def _repeated(parts: Parts, places: int) -> Parts:
    """The same, used at so many places for each patch."""
    return {key: part.model_copy(update={"uses": places}) for key, part in parts.items()}


def pyramid(width: int, spelling: Spelling) -> Parts:
    """Features of four scales from those of one: four times the sides, twice, the same, half."""
    names, up = spelling.pyramid, _spread(width, width, 2)
    between = {names[1]: batchnorm(width), names[2]: up}
    return {names[0]: up, **_repeated(between, 4), names[3]: up}


def upernet(config: Config, spelling: Spelling) -> Parts:
    """A pyramid of four layers' features, UPerNet on it, and where the config wants it the head used in training.

    Raises SpecError where the layers are not four.
    """
    layers = config.listed("out_indices", int) or config.listed("segmentation_indices", int)
    if layers is not None and len(layers) != len(SCALES) + 1:
        raise config.expected("out_indices", "four layers", "such as [3, 5, 7, 11]")
    parts = pyramid(config.integer("hidden_size"), spelling) | under("decode_head", _decode(config, spelling))
    if config.flag("use_auxiliary_head", default=True):
        parts |= under("auxiliary_head", _auxiliary(config, spelling))
    return parts


def _decode(config: Config, spelling: Spelling) -> Parts:
    """UPerNet: means of the coarsest level over grids of several sizes, then from coarse to fine."""
    width, scales = config.integer("hidden_size"), listed(config, "pool_scales")
    parts: Parts = {}
    for index, scale in enumerate(scales):
        pooled = spelling.normed(spelling.means.format(index), width, width, 1)
        parts |= fewer(pooled, max(1, patches(config) // scale**2))
    parts |= fewer(spelling.normed(spelling.bottleneck, width, width * (1 + len(scales)), 3), 4)
    for index, places in enumerate(SCALES):
        parts |= _repeated(spelling.normed(f"lateral_convs.{index}", width, width, 1), places)
        parts |= _repeated(spelling.normed(f"fpn_convs.{index}", width, width, 3), places)
    last = spelling.normed("fpn_bottleneck", width, width * (len(SCALES) + 1), 3)
    return parts | _repeated(last | {"classifier": conv(config.labels, width, 1, 1, component="lm_head")}, SCALES[0])


def _auxiliary(config: Config, spelling: Spelling) -> Parts:
    """A few convolutions on the third level."""
    width, out = config.integer("hidden_size"), config.integer("auxiliary_channels")
    parts: Parts = {}
    into = width
    for index in range(config.depth("auxiliary_num_convs")):
        parts |= spelling.normed(f"convs.{index}", out, into, 3)
        into = out
    if config.flag("auxiliary_concat_input"):
        parts |= spelling.normed("conv_cat", out, width + out, 3)
    return parts | {"classifier": conv(config.labels, out, 1, 1, component="lm_head")}


def _ended(config: Config, width: int) -> Parts:
    return {"segmentation_head.classifier.convolution": conv(config.labels, width, 1, 1, component="lm_head")}


def deeplab3(config: Config, into: int, places: int) -> Parts:
    """DeepLab 3: convolutions that see further and further and the mean of all, `places` of them, side by side."""
    width, at = config.integer("aspp_out_channels"), "segmentation_head.aspp"
    rates = listed(config, "atrous_rates")
    if len(rates) != 3:
        raise config.expected("atrous_rates", "three values")
    parts = unit(f"{at}.convs.0", width, into, 1)
    for index in range(len(rates)):
        parts |= unit(f"{at}.convs.{index + 1}", width, into, 3)
    parts |= fewer(unit(f"{at}.convs.{len(rates) + 1}.conv_1x1", width, into, 1), places)
    return parts | unit(f"{at}.project", width, width * (len(rates) + 2), 1) | _ended(config, width)


def deeplab3_plus(config: Config, into: int, places: int) -> Parts:
    """DeepLab 3+ as MobileNet 2 has it: each of `places` beside the mean of all."""
    width, at = 256, "segmentation_head"
    parts = fewer(unit(f"{at}.conv_pool", width, into, 1), places) | unit(f"{at}.conv_aspp", width, into, 1)
    return parts | unit(f"{at}.conv_projection", width, 2 * width, 1) | _ended(config, width)


def mask_decoder(config: Config, eyes: Config) -> Tower:
    """CLIPSeg's decoder of a mask: a narrow layer for each vision layer it reads, scaled and shifted by the text."""
    width, into, patch = config.integer("reduce_dim"), config.integer("projection_dim"), eyes.integer("patch_size")
    count = len(listed(config, "extract_layers"))
    parts = LAYER(width, config.dividing("decoder_num_attention_heads", width),
                  config.integer("decoder_intermediate_size"))
    block = {name: parts[name] for name in ("self_attn", "layer_norm1", "mlp", "layer_norm2")}  # norms come after
    modules: Parts = {name: dense(width, into, per="sequence") for name in ("film_mul", "film_add")}
    modules |= {f"reduces.{index}": dense(width, eyes.integer("hidden_size")) for index in range(count)}
    modules["layers"] = layers(count)
    return tower(None, width, modules | _drawn(config, width, patch), {"layer": block}, "decoder", stream="image")


def _drawn(config: Config, width: int, patch: int) -> Parts:
    """Convolutions that spread each patch out to its pixels, at once or in two steps."""
    at = "transposed_convolution"
    if not config.flag("use_complex_transposed_convolution"):
        return {at: _spread(1, width, patch)}
    step = patch // 4
    if step < 1 or width < 2:
        raise config.error("use_complex_transposed_convolution", "needs patches of 4 pixels and a reduce_dim of 2")
    last = _spread(1, width // 2, step).model_copy(update={"uses": step**2})
    return {f"{at}.0": convolve(width, width, 3, 3), f"{at}.2": _spread(width // 2, width, step),
            f"{at}.4": last}


def _spread(out: int, into: int, kernel: int) -> Convolution:
    return convolve(out, into, kernel, kernel).model_copy(update={"transposed": True})
