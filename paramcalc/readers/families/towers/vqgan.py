"""VQGAN: a convolutional net from pictures to codes and back, as chat models that draw hold it. arXiv:2012.09841."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.readers.families.towers.nets import listed, under
from paramcalc.readers.families.towers.parts import Parts, conv, norm, table, tower

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.tower import Tower


def _block(out: int, into: int) -> Parts:
    """Two convolutions and what leads around them."""
    parts: Parts = {"norm1": norm(into), "conv1": conv(out, into, 3, 3, component="other"), "norm2": norm(out),
                    "conv2": conv(out, out, 3, 3, component="other")}
    return parts | ({"nin_shortcut": conv(out, into, 1, 1, component="other")} if out != into else {})


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


def encoder(config: Config) -> Parts:
    """From pixels to codes."""
    factors, base, depth = listed(config, "channel_multiplier"), config.integer("base_channels"), config.depth(
        "num_res_blocks")
    parts: Parts = {"conv_in": conv(base, config.integer("in_channels"), 3, 3, component="other")}
    into = base
    for index, factor in enumerate(factors):
        last, out = index == len(factors) - 1, base * factor
        parts |= _level(config, f"down.{index}", depth, out, into, attends=last)
        if not last:
            parts[f"down.{index}.downsample.conv"] = conv(out, out, 3, 3, component="other")
        into = out
    latent = config.integer("latent_channels") * (2 if config.flag("double_latent") else 1)
    return parts | _middle(into) | {"norm_out": norm(into), "conv_out": conv(latent, into, 3, 3, component="other")}


def decoder(config: Config) -> Parts:
    """And back: one block more a level."""
    factors, base, depth = listed(config, "channel_multiplier"), config.integer("base_channels"), config.depth(
        "num_res_blocks")
    into = base * factors[-1]
    parts: Parts = {"conv_in": conv(into, config.integer("latent_channels"), 3, 3, component="other"), **_middle(into)}
    for index, factor in enumerate(reversed(factors)):
        out = base * factor
        parts |= _level(config, f"up.{index}", depth + 1, out, into, attends=index == 0)
        if index < len(factors) - 1:
            parts[f"up.{index}.upsample.conv"] = conv(out, out, 3, 3, component="other")
        into = out
    return parts | {"norm_out": norm(into), "conv_out": conv(config.integer("out_channels"), into, 3, 3,
                                                             component="other")}


def codec(config: Config, at: str) -> Tower:
    """Both, and the table of codes between them."""
    width, latent = config.integer("embed_dim"), config.integer("latent_channels")
    modules: Parts = {
        **under("encoder", encoder(config)),
        "quantize.embedding": table(config.integer("num_embeddings"), width, "other_embedding"),
        "quant_conv": conv(width, latent, 1, 1, component="other"),
        "post_quant_conv": conv(latent, width, 1, 1, component="other"), **under("decoder", decoder(config))}
    return tower("projector", width, modules, at=at)
