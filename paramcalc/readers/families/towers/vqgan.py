"""VQGAN: a convolutional net from pictures to codes and back, as chat models that draw hold it. arXiv:2012.09841."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.readers.families.towers.frame import Parts, tower, under
from paramcalc.readers.families.towers.geometry import listed
from paramcalc.readers.families.towers.parts import conv, convolve, norm, table

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.tower import Tower


def _block(out: int, into: int) -> Parts:
    """Two convolutions and what leads around them."""
    parts: Parts = {"norm1": norm(into), "conv1": convolve(out, into, 3, 3), "norm2": norm(out),
                    "conv2": convolve(out, out, 3, 3)}
    return parts | ({"nin_shortcut": convolve(out, into, 1, 1)} if out != into else {})


def _attended(width: int) -> Parts:
    """Attention of one head over all places, by convolutions of one place."""
    parts: Parts = {"norm": norm(width)}
    return parts | {name: conv(width, width, 1, 1, component="attention") for name in ("q", "k", "v", "proj_out")}


def _middle(width: int) -> Parts:
    return (under("mid.block_1", _block(width, width)) | under("mid.attn_1", _attended(width))
            | under("mid.block_2", _block(width, width)))


def _level(config: Config, at: str, count: int, out: int, into: int, *, attends: bool) -> Parts:
    parts: Parts = {}
    for index in range(min(count, 256)):
        parts |= under(f"{at}.block.{index}", _block(out, out if index else into))
        if attends:
            parts |= under(f"{at}.attn.{index}", _attended(out))
    return parts


def _widths(config: Config) -> tuple[list[int], int]:
    """Channels of each level, and its blocks."""
    base = config.integer("base_channels")
    return [base * factor for factor in listed(config, "channel_multiplier")], config.depth("num_res_blocks")


def encoder(config: Config) -> Parts:
    """From pixels to codes."""
    widths, depth = _widths(config)
    base = config.integer("base_channels")
    parts: Parts = {"conv_in": convolve(base, config.integer("in_channels"), 3, 3)}
    into = base
    for index, out in enumerate(widths):
        last = index == len(widths) - 1
        parts |= _level(config, f"down.{index}", depth, out, into, attends=last)
        if not last:
            parts[f"down.{index}.downsample.conv"] = convolve(out, out, 3, 3)
        into = out
    latent = config.integer("latent_channels") * (2 if config.flag("double_latent") else 1)
    return parts | _middle(into) | {"norm_out": norm(into), "conv_out": convolve(latent, into, 3, 3)}


def decoder(config: Config) -> Parts:
    """And back: one block more a level."""
    widths, depth = _widths(config)
    into = widths[-1]
    parts: Parts = {"conv_in": convolve(into, config.integer("latent_channels"), 3, 3), **_middle(into)}
    for index, out in enumerate(reversed(widths)):
        parts |= _level(config, f"up.{index}", depth + 1, out, into, attends=index == 0)
        if index < len(widths) - 1:
            parts[f"up.{index}.upsample.conv"] = convolve(out, out, 3, 3)
        into = out
    return parts | {"norm_out": norm(into), "conv_out": convolve(config.integer("out_channels"), into, 3, 3)}


def codec(config: Config, at: str) -> Tower:
    """Both, and the table of codes between them."""
    width, latent = config.integer("embed_dim"), config.integer("latent_channels")
    modules: Parts = {
        **under("encoder", encoder(config)),
        "quantize.embedding": table(config.integer("num_embeddings"), width, "other_embedding"),
        "quant_conv": convolve(width, latent, 1, 1), "post_quant_conv": convolve(latent, width, 1, 1),
        **under("decoder", decoder(config))}
    return tower("projector", width, modules, at=at)
