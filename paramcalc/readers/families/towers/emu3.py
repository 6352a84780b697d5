"""Emu3: a Llama whose vocabulary has codes for pictures and videos, and the net that makes them. arXiv:2409.18869."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import QKVO, Attention
from paramcalc.components.base import Parts
from paramcalc.readers.families.towers.frame import tower, under
from paramcalc.readers.families.towers.geometry import heads
from paramcalc.readers.families.towers.parts import batchnorm, convolve, norm, table
from paramcalc.readers.families.towers.vqgan import latent, widths

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.towers.composite import Composite, Towers
    from paramcalc.spec.tower import Tower


def _norm(width: int, code: int | None) -> Parts:
    """A norm; in the decoder with a scale and a shift that are made of the `code` at each place."""
    if code is None:
        return {"": norm(width)}
    return {"norm_layer": norm(width), "conv_y": convolve(width, code, 1, 1), "conv_b": convolve(width, code, 1, 1)}


def _block(out: int, into: int, code: int | None) -> Parts:
    parts = under("norm1", _norm(into, code)) | under("norm2", _norm(out, code))
    parts |= {"conv1": convolve(out, into, 3, 3), "conv2": convolve(out, out, 3, 3)}
    return parts | ({"nin_shortcut": convolve(out, into, 1, 1)} if out != into else {})


def _attention(config: Config) -> Attention:
    return Attention(num_heads=heads(config), hidden_size=config.integer("hidden_size"), bias=QKVO, causal=False,
                     names={"o_proj": "out_proj"})


def _middle(config: Config, width: int, code: int | None) -> Parts:
    at = "middle_block"
    return {**under(f"{at}.block_1", _block(width, width, code)), f"{at}.attn_1": _attention(config),
            **under(f"{at}.attn_norm", _norm(width, code)), **under(f"{at}.block_2", _block(width, width, code))}


def _level(config: Config, at: str, count: int, sizes: tuple[int, int], code: int | None, *, attends: bool) -> Parts:
    """So many blocks from the second of two `sizes` to the first, each followed by attention where the level has it."""
    out, into = sizes
    parts: Parts = {}
    for index in range(min(count, 256)):
        parts |= under(f"{at}.block.{index}", _block(out, out if index else into, code))
        if attends:
            parts[f"{at}.attn.{index}"] = _attention(config)
            parts |= under(f"{at}.attn_norms.{index}", _norm(out, code))
    return parts


def _time(config: Config, width: int, *kernel: int) -> Parts:
    """Convolutions over time: one for each halving or doubling, and blocks."""
    parts: Parts = {}
    for index in range(config.integer("temporal_downsample_factor").bit_length() - 1):
        parts[f"time_conv.{index}.conv.conv"] = convolve(width, width, *kernel)
    for index in range(min(config.depth("num_res_blocks"), 256)):
        at = f"time_res_stack.{index}"
        parts |= {f"{at}.norm1": batchnorm(width), f"{at}.conv1.conv": convolve(width, width, 3, 3, 3),
                  f"{at}.norm2": batchnorm(width), f"{at}.conv2.conv": convolve(width, width, 3, 3, 3)}
    return parts


def _encoder(config: Config) -> Parts:
    outs, depth = widths(config)
    attending = set(config.listed("attn_resolutions", int) or ())
    into = config.integer("base_channels")
    parts: Parts = {"conv_in": convolve(into, config.integer("in_channels"), 3, 3)}
    for index, out in enumerate(outs):
        at = f"down_block.down.{index}"
        parts |= _level(config, at, depth, (out, into), None, attends=index in attending)
        if index < len(outs) - 1:
            parts[f"{at}.downsample.conv"] = convolve(out, out, 3, 3)
        into = out
    return {**parts, **_middle(config, into, None), "norm_out": norm(into),
            "conv_out": convolve(latent(config), into, 3, 3), **_time(config, latent(config), 4, 3, 3)}


def _decoder(config: Config) -> Parts:
    outs, depth = widths(config)
    code, channels = config.integer("embed_dim"), config.integer("latent_channels")
    attending = set(config.listed("attn_resolutions", int) or ())
    into = outs[-1]
    parts: Parts = {**_time(config, channels, 3, 3, 3), "conv_in": convolve(into, channels, 3, 3),
                    **_middle(config, into, code)}
    for index, out in reversed(list(enumerate(outs))):
        at = f"up_block.up.{index}"
        parts |= _level(config, at, depth + 1, (out, into), code, attends=index in attending)
        if index:
            parts[f"{at}.upsample.conv"] = convolve(out, out, 3, 3)
        into = out
    return {**parts, **under("norm_out", _norm(into, code)),
            "conv_out": convolve(config.integer("out_channels"), into, 3, 3)}


def codec(config: Config, at: str) -> Tower:
    """From pixels to codes and back, and the table of codes."""
    width, channels = config.integer("embed_dim"), config.integer("latent_channels")
    modules: Parts = {
        **under("encoder", _encoder(config)),
        "quantize.embedding": table(config.integer("codebook_size"), width, "other_embedding"),
        "quant_conv.conv": convolve(width, channels, 3, 1, 1),
        "post_quant_conv.conv": convolve(channels, width, 3, 1, 1), **under("decoder", _decoder(config))}
    return tower("projector", width, modules, at=at)


def emu3(model: Composite) -> Towers:
    """Codes are tokens: nothing joins the net to the text model, beside which files have it."""
    return {name: part.model_copy(update={"modules": {key.removeprefix("model."): module
                                                      for key, module in part.modules.items()}})
            for name, part in model.tower("vq_config", "vqmodel", "emu3_vqgan").items()}
