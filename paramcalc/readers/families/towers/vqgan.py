"""VQGAN: a convolutional net from pictures to codes and back, as chat models that draw hold it. arXiv:2012.09841."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.base import Parts
from paramcalc.readers.families.towers.frame import tower, under
from paramcalc.readers.families.towers.geometry import listed
from paramcalc.readers.families.towers.parts import conv, convolve, norm, table

if TYPE_CHECKING:
    from collections.abc import Container

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


def _middle(width: int, *, attends: bool = True) -> Parts:
    return (under("mid.block_1", _block(width, width)) | (under("mid.attn_1", _attended(width)) if attends else {})
            | under("mid.block_2", _block(width, width)))


def _level(config: Config, at: str, count: int, out: int, into: int, *, attends: bool) -> Parts:
    parts: Parts = {}
    for index in range(min(count, 256)):
        parts |= under(f"{at}.block.{index}", _block(out, out if index else into))
        if attends:
            parts |= under(f"{at}.attn.{index}", _attended(out))
    return parts


def widths(config: Config) -> tuple[list[int], int]:
    """Channels of each level, and its blocks."""
    base = config.integer("base_channels")
    return [base * factor for factor in listed(config, "channel_multiplier")], config.depth("num_res_blocks")


def latent(config: Config) -> int:
    """Channels the encoder gives: those of a code, or a mean and a variance of each."""
    return config.integer("latent_channels") * (2 if config.flag("double_latent") else 1)


def encoder(config: Config, attending: Container[int], *, middle: bool = True) -> Parts:
    """From pixels to codes: levels whose index is `attending` attend after each block, and so may the `middle`."""
    outs, depth = widths(config)
    base = config.integer("base_channels")
    parts: Parts = {"conv_in": convolve(base, config.integer("in_channels"), 3, 3)}
    into = base
    for index, out in enumerate(outs):
        parts |= _level(config, f"down.{index}", depth, out, into, attends=index in attending)
        if index < len(outs) - 1:
            parts[f"down.{index}.downsample.conv"] = convolve(out, out, 3, 3)
        into = out
    return parts | _middle(into, attends=middle) | {"norm_out": norm(into),
                                                    "conv_out": convolve(latent(config), into, 3, 3)}


def decoder(config: Config) -> Parts:
    """And back: one block more a level."""
    outs, depth = widths(config)
    into = outs[-1]
    parts: Parts = {"conv_in": convolve(into, config.integer("latent_channels"), 3, 3), **_middle(into)}
    for index, out in enumerate(reversed(outs)):
        parts |= _level(config, f"up.{index}", depth + 1, out, into, attends=index == 0)
        if index < len(outs) - 1:
            parts[f"up.{index}.upsample.conv"] = convolve(out, out, 3, 3)
        into = out
    return parts | {"norm_out": norm(into), "conv_out": convolve(config.integer("out_channels"), into, 3, 3)}


def _codes(config: Config) -> Parts:
    """The table of codes, and what leads into it and out."""
    width, channels = config.integer("embed_dim"), config.integer("latent_channels")
    return {"quantize.embedding": table(config.integer("num_embeddings"), width, "other_embedding"),
            "quant_conv": convolve(width, channels, 1, 1), "post_quant_conv": convolve(channels, width, 1, 1)}


def codec(config: Config, at: str) -> Tower:
    """Both ways, and the table of codes between them."""
    last = len(widths(config)[0]) - 1
    modules: Parts = {**under("encoder", encoder(config, {last})), **_codes(config),
                      **under("decoder", decoder(config))}
    return tower("projector", config.integer("embed_dim"), modules, at=at)


def tokenizer(config: Config, at: str) -> Tower:
    """Only the way to codes, of Chameleon: levels attend whose pictures have one of `attn_resolutions`."""
    attends = config.get("attn_type") == "vanilla"
    sides = set(config.listed("attn_resolutions", int) or ()) if attends else set()
    size, count = config.integer("resolution"), len(widths(config)[0])
    attending = {index for index in range(count) if size >> index in sides}
    modules: Parts = {**under("encoder", encoder(config, attending, middle=attends)), **_codes(config)}
    return tower("projector", config.integer("embed_dim"), modules, at=at)
