"""State-space, linear-attention and recurrent mixers, read from a config."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.delta_rule import GatedDelta
from paramcalc.components.lightning import LightningAttention
from paramcalc.components.mamba import Mamba, Mamba2
from paramcalc.components.short_conv import ShortConv
from paramcalc.errors import HEADS
from paramcalc.readers.config.patterns import LINEAR

if TYPE_CHECKING:
    from typing import Literal

    from paramcalc.readers.config.config import Config


def dt_rank(config: Config, key: str) -> int:
    """Given, or hidden_size / 16 rounded up where the file says `auto`."""
    if config.get(key) == "auto":
        return -(-config.integer("hidden_size") // 16)
    return config.integer(key)


def mamba(config: Config, _: str = "") -> Mamba:
    """Mamba and Falcon Mamba; an `intermediate_size` in the file goes before `expand`, as in the class."""
    return Mamba(
        inner_size=config.optional("intermediate_size") or _expanded(config, "expand"),
        state_size=config.integer("state_size"), dt_rank=dt_rank(config, "time_step_rank"),
        conv_kernel=config.integer("conv_kernel"), bias=config.flag("use_bias"),
        conv_bias=config.flag("use_conv_bias"),
    )


def mamba_within(config: Config, *, heads: int = 1, norms: bool = False) -> Mamba:
    """Mamba among attention layers, its keys spelled `mamba_…` (Jamba, Zamba)."""
    return Mamba(
        inner_size=config.integer("mamba_expand") * config.integer("hidden_size"),
        state_size=config.integer("mamba_d_state"), dt_rank=dt_rank(config, "mamba_dt_rank"),
        conv_kernel=config.integer("mamba_d_conv"), bias=config.flag("mamba_proj_bias"),
        conv_bias=config.flag("mamba_conv_bias"), heads=heads, dt_norms=norms,
    )


def mamba2(config: Config, _: str = "") -> Mamba2:
    """Mamba-2 by itself."""
    heads = config.integer("num_heads")
    return Mamba2(
        num_heads=heads, head_dim=_head_dim(config, "head_dim", heads, _expanded(config, "expand"), "num_heads"),
        state_size=config.integer("state_size"), groups=config.integer("n_groups"),
        conv_kernel=config.integer("conv_kernel"), bias=config.flag("use_bias"), conv_bias=config.flag("use_conv_bias"),
        block_size=config.integer("chunk_size", 256),
    )


def mamba2_within(config: Config, inner: int | None = None) -> Mamba2:
    """Mamba-2 among attention layers, its keys spelled `mamba_…` (Bamba, Granite, Falcon-H1)."""
    heads = config.integer("mamba_n_heads")
    inner = _expanded(config, "mamba_expand") if inner is None else inner
    return Mamba2(
        num_heads=heads, head_dim=_head_dim(config, "mamba_d_head", heads, inner, "mamba_n_heads"),
        state_size=config.integer("mamba_d_state"), groups=config.integer("mamba_n_groups"),
        conv_kernel=config.integer("mamba_d_conv"), bias=config.flag("mamba_proj_bias"),
        conv_bias=config.flag("mamba_conv_bias"), block_size=config.integer("mamba_chunk_size", 256),
    )


def _expanded(config: Config, key: str) -> int:
    return config.integer(key) * config.integer("hidden_size")


def _head_dim(config: Config, key: str, heads: int, inner: int, heads_key: str) -> int:
    """Width of a head; given or `auto`, heads of it must make up the inner width, as the classes demand."""
    if inner % heads:
        raise config.error(heads_key, f"{heads} does not divide the inner width ({inner:,})", code=HEADS)
    head_dim = inner // heads
    if config.get(key) != "auto" and config.integer(key) != head_dim:
        raise config.error(key, f"{heads} heads of {config.integer(key)} are not the inner width ({inner:,})",
                           f"{head_dim} would be", code=HEADS)
    return head_dim


def gated_delta(config: Config, word: str, layout: Literal["qkvz", "qkv", "separate"]) -> GatedDelta | None:
    """Gated delta rule with the keys of Qwen3-Next; what OLMo Hybrid leaves out follows from the attention heads."""
    if word != LINEAR:
        return None
    key_heads = config.optional("linear_num_key_heads") or config.integer("num_attention_heads")
    key_dim = config.optional("linear_key_head_dim") or 3 * config.integer("hidden_size") // (4 * key_heads)
    return GatedDelta(
        key_heads=key_heads, key_dim=key_dim,
        value_heads=config.optional("linear_num_value_heads") or config.integer("num_attention_heads"),
        value_dim=config.optional("linear_value_head_dim") or 2 * key_dim,
        conv_kernel=config.integer("linear_conv_kernel_dim"), layout=layout,
    )


def short_conv(config: Config, word: str) -> ShortConv | None:
    """LFM2's."""
    if word != "conv":
        return None
    return ShortConv(conv_kernel=config.integer("conv_L_cache"), bias=config.flag("conv_bias"))


def lightning(config: Config, word: str) -> LightningAttention | None:
    """MiniMax's."""
    if word != LINEAR:
        return None
    return LightningAttention(num_heads=config.integer("num_attention_heads"), head_dim=config.head_dim,
                              block_size=config.integer("block_size"))
