"""Florence-2's DaViT: attention within windows, then between channels, convolutions between. arXiv:2311.06242."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import QKVO, Attention
from paramcalc.components.base import Parts
from paramcalc.components.ffn import FeedForward
from paramcalc.readers.families.spellings import FC
from paramcalc.readers.families.towers.frame import layers, tower
from paramcalc.readers.families.towers.geometry import entries, listed
from paramcalc.readers.families.towers.parts import conv, convolve, dense, norm, table

if TYPE_CHECKING:
    from paramcalc.components.attention import Projection
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.towers.composite import Composite, Towers
    from paramcalc.spec.tower import Tower

NAMES = {"qkv_proj": "qkv", "o_proj": "proj"}
FEED = FC


def _half(at: str, attention: str, width: int, heads: int, inner: int, bias: tuple[Projection, ...],
          window: int | None) -> Parts:
    """A depthwise convolution, attention, another, a feed-forward."""
    def around(name: str) -> Parts:
        return {f"{at}.conv{name}": convolve(width, width, 3, 3, groups=width),
                f"{at}.norm{name}": norm(width)}

    attend = Attention(num_heads=heads, fused="qkv", bias=bias, causal=False, names=NAMES, chunk=window)
    feed = FeedForward(intermediate_size=inner, gated=False, bias=True, names=FEED)
    return around("1") | {f"{at}.{attention}": attend} | around("2") | {f"{at}.ffn": feed}


def vision(config: Config, at: str) -> Tower:
    """Four stages, each with half the side and more channels."""
    widths = listed(config, "embed_dim")
    count = len(widths)
    depths, heads, groups, sizes = (entries(config, key, int, count) for key in ("depths", "num_heads", "num_groups",
                                                                                 "patch_size"))
    before_conv = config.listed("patch_prenorm", bool, count) or [False] * count
    bias: tuple[Projection, ...] = QKVO if config.flag("qkv_bias", default=True) else ("o",)
    window = config.integer("window_size") ** 2
    modules: Parts = {}
    blocks: dict[str, Parts] = {}
    into = config.integer("in_channels")
    for index, (width, depth) in enumerate(zip(widths, depths, strict=True)):
        inner, name, times = int(width * config.number("mlp_ratio")), f"stage{index}", 4 ** (count - 1 - index)
        modules |= {f"convs.{index}.conv": conv(width, into, sizes[index], sizes[index], outputs=times),
                    f"convs.{index}.norm": norm(into if before_conv[index] else width),
                    f"blocks.{index}": layers(depth, name).model_copy(update={"hidden_size": width, "uses": times})}
        blocks[name] = {**_half("spatial_block", "window_attn", width, heads[index], inner, bias, window),
                        **_half("channel_block", "channel_attn", width, groups[index], inner, bias, None)}
        into = width
    return tower("vision", widths[-1], modules, blocks, at)


def florence2(model: Composite) -> Towers:
    """A matrix, a norm, and tables of rows and columns."""
    config, at = model.part("vision_config", "florence_vision"), "multi_modal_projector"
    width, out = (config.listed("embed_dim", int) or [1])[-1], config.integer("projection_dim")
    rows = config.integer("max_position_embeddings")
    join: Parts = {f"{at}.image_projection": dense(out, width, bias=False), f"{at}.image_proj_norm": norm(out),
                   f"{at}.image_position_embed.row_embeddings": table(rows, width // 2),
                   f"{at}.image_position_embed.column_embeddings": table(rows, width - width // 2)}
    return {**model.tower("vision_config", "vision_tower", "florence_vision"), **model.join(join, width)}
