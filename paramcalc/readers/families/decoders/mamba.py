"""Mamba, Mamba-2 and the hybrids with the same mixers: Jamba, Bamba.

Sources: transformers' modeling file of each, and what a row or rule names.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from paramcalc.components.mamba import Mamba, Mamba2
from paramcalc.errors import HEADS
from paramcalc.numbers import many
from paramcalc.readers.config.patterns import FULL, LINEAR, at_indices, at_offset
from paramcalc.readers.families.decoder import Experts, Row
from paramcalc.readers.families.decoders.shared import BACKBONE, no_feed_forward

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramcalc.components.base import Component
    from paramcalc.readers.config.config import Builder, Config

BAMBA = {"mlp": "feed_forward", "post_attention_layernorm": "pre_ff_layernorm", "norm": "model.final_layernorm"}


def mixer_only(mixer: Callable[[Config, str], Component]) -> Row:
    """Nothing but a norm and a mixer in each layer."""
    return Row(placement="parallel", position="none", experts=Experts(layers=no_feed_forward), names=BACKBONE,
               mixers=lambda c: [LINEAR] * c.layers, mixer=mixer)


def _jamba_mixer(config: Config, word: str) -> Mamba | None:
    return mamba_within(config, norms=True) if word == LINEAR else None


def _jamba_experts(config: Config) -> list[str]:
    sparse = "moe" if config.integer("num_experts") > 1 else "dense"
    return at_offset(config, "expert_layer_period", "expert_layer_offset", sparse, "dense")


def mamba2_if_linear(config: Config, word: str) -> Mamba2 | None:
    """Mamba-2 in layers that do not attend."""
    return mamba2_within(config) if word == LINEAR else None


def _bamba_layers(config: Config) -> list[str]:
    return at_indices(config, "attn_layer_indices")


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
        raise config.error(key, f"{many(heads, 'head')} of {config.integer(key)} are not the inner width ({inner:,})",
                           f"{head_dim} would be", code=HEADS)
    return head_dim


UNREAD = {"rms_norm", "residual_in_fp32", "fused_add_norm", "attn_cfg"}
ORIGINAL = BACKBONE | {"embed_tokens": "backbone.embedding"}
SSM_KEYS = ("layer", "d_state", "d_conv", "expand", "headdim", "ngroups", "chunk_size", "dt_rank", "bias", "conv_bias")


def _ssm(config: Config) -> dict[str, int]:
    """The settings of the mixer in the original package's config. Raises SpecError for what it could not take."""
    settings = config.get("ssm_cfg") or {}
    if not isinstance(settings, dict) or not all(key in SSM_KEYS for key in settings):
        raise config.expected("ssm_cfg", f"a mapping of {', '.join(SSM_KEYS)}")
    numbers = {key: value for key, value in settings.items() if key != "layer"}
    if not all(type(value) in (int, bool) and 0 <= value <= 2**20 for value in numbers.values()):
        raise config.expected("ssm_cfg", "a mapping of integers")
    return numbers


def _original(config: Config, _: str) -> Component:
    """The mixer of the original package: Mamba, or Mamba-2 where `ssm_cfg` says so, at its defaults."""
    settings, width = _ssm(config), config.integer("hidden_size")
    inner = settings.get("expand", 2) * width
    both = {"conv_kernel": settings.get("d_conv", 4), "bias": bool(settings.get("bias", False)),
            "conv_bias": bool(settings.get("conv_bias", True))}
    if (config.get("ssm_cfg") or {}).get("layer", "Mamba1") == "Mamba2":
        head = settings.get("headdim", 64)
        return Mamba2.model_validate({"num_heads": inner // head, "head_dim": head, **both,
                                      "state_size": settings.get("d_state", 128), "groups": settings.get("ngroups", 1),
                                      "block_size": settings.get("chunk_size", 256)})
    return Mamba.model_validate({"inner_size": inner, "state_size": settings.get("d_state", 16), **both,
                                 "dt_rank": settings.get("dt_rank", -(-width // 16))})


def _padded(config: Config, fields: dict[str, Any]) -> None:
    """The table is padded to a multiple; layers that attend are not described."""
    config.read |= UNREAD
    if config.get("attn_layer_idx") or config.optional("d_intermediate", least=0):
        raise config.error("attn_layer_idx", "layers with attention or a feed-forward of this package are not known",
                           "give the config.json of the converted model")
    multiple = config.integer("pad_vocab_size_multiple", 8)
    fields["vocab_size"] = -(-config.integer("vocab_size") // multiple) * multiple


ROWS: dict[str, Builder] = {
    "mamba_ssm": replace(mixer_only(_original), names=ORIGINAL, adjust=_padded),
    "mamba": mixer_only(mamba),
    "mamba2": mixer_only(mamba2),
    "bamba": Row("attention_bias", "attention_bias", "mlp_bias", mixers=_bamba_layers, mixer=mamba2_if_linear,
                 names=BAMBA | {"self_attn.mamba2": "mamba"}),
    "jamba": Row(mixers=lambda c: at_offset(c, "attn_layer_period", "attn_layer_offset", FULL, LINEAR),
                 mixer=_jamba_mixer, names=BAMBA | {"self_attn.mamba": "mamba"}, position="none",
                 experts=Experts("num_experts", size="intermediate_size", layers=_jamba_experts)),
}
