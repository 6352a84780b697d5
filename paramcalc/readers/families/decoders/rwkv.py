"""RWKV: time mixing and channel mixing.

Sources: transformers' modeling file of each, and what a row or rule names.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from paramcalc.components.norm import Norm
from paramcalc.components.rwkv import ChannelMix, MatrixMix, TimeMix
from paramcalc.errors import HEADS
from paramcalc.readers.families.decoder import Experts, Row
from paramcalc.readers.families.decoders.shared import no_feed_forward

if TYPE_CHECKING:

    from paramcalc.readers.config.config import Config

RWKV = {"embed_tokens": "rwkv.embeddings", "layers": "rwkv.blocks", "norm": "rwkv.ln_out", "lm_head": "head",
        "input_layernorm": "ln1", "post_attention_layernorm": "ln2", "self_attn": "attention", "mlp": "feed_forward"}


def _rwkv_layers(config: Config) -> list[str]:
    return ["first"] + ["rest"] * (config.layers - 1)


def _time_mix(config: Config, _: str) -> TimeMix:
    return TimeMix(attention_size=config.optional("attention_hidden_size"))


def _rwkv_block(config: Config, word: str, _: str) -> dict[str, Any]:
    size = config.optional("intermediate_size") or 4 * config.integer("hidden_size")
    more = {"beside": {"pre_ln": Norm(kind="layernorm")}} if word == "first" else {}
    return {"ffn": ChannelMix(intermediate_size=size), **more}


def _matrix_mix(config: Config, _: str, version: Literal[5, 6]) -> MatrixMix:
    """Versions 5 and 6; the ranks of version 6 follow from the width, as in the class."""
    width = config.integer("hidden_size")
    inner, head_dim = config.optional("attention_hidden_size") or width, config.integer("head_size")
    if inner % head_dim:
        raise config.error("head_size", f"{head_dim} does not divide the attention's width ({inner})", code=HEADS)
    config.read |= {"head_size_divisor", "num_attention_heads", "rescale_every", "layer_norm_epsilon", "model_version"}
    large = width == WIDE
    return MatrixMix(version=version, num_heads=inner // head_dim, head_dim=head_dim, mix_rank=64 if large else 32,
                     decay_rank=128 if large else 64)


WIDE = 4096
"""The width from which on RWKV-6's class doubles the ranks of mixing and decay."""


def _channel_mix(config: Config, word: str, _: str, version: Literal[4, 6]) -> dict[str, Any]:
    size = config.optional("intermediate_size") or int(config.integer("hidden_size") * 3.5) // 32 * 32
    more = {"beside": {"pre_ln": Norm(kind="layernorm")}} if word == "first" else {}
    return {"ffn": ChannelMix(intermediate_size=size, version=version), **more}


def _seventh_mix(config: Config, word: str) -> MatrixMix:
    """Version 7: the first layer's values are mixed into those of all others."""
    width, head_dim = config.integer("hidden_size"), config.integer("head_dim")
    if width % head_dim:
        raise config.error("head_dim", f"{head_dim} does not divide hidden_size ({width})", code=HEADS)
    config.read |= {"num_heads", "value_dim", "attn_mode", "attn", "fuse_norm", "fuse_cross_entropy", "norm_first"}
    return MatrixMix(
        version=7, num_heads=width // head_dim, head_dim=head_dim,
        decay_rank=config.integer("decay_low_rank_dim"), rate_rank=config.integer("a_low_rank_dim"),
        value_rank=None if word == "first" else config.integer("v_low_rank_dim"),
        gate_rank=config.integer("gate_low_rank_dim"))


def _seventh_block(config: Config, word: str, _: str) -> dict[str, Any]:
    size = config.optional("intermediate_size")
    if size is None:
        size = int(config.integer("hidden_size") * config.number("hidden_ratio", 4.0))
        size = -(-size // 32) * 32
    more = {"beside": {"pre_norm": Norm(kind="layernorm")}} if word == "first" else {}
    return {"ffn": ChannelMix(intermediate_size=size, version=7), **more}


SEVENTH = {"embed_tokens": "model.embeddings", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
           "self_attn": "attn", "mlp": "ffn"}


def _row(version: Literal[5, 6]) -> Row:
    return Row(norm="layernorm", position="none", mixers=_rwkv_layers, names=RWKV,
               mixer=partial(_matrix_mix, version=version), experts=Experts(layers=no_feed_forward),
               block=partial(_channel_mix, version=4 if version == 5 else 6))


ROWS: dict[str, Row] = {
    "rwkv": Row(norm="layernorm", position="none", mixers=_rwkv_layers, mixer=_time_mix, block=_rwkv_block,
                experts=Experts(layers=no_feed_forward), names=RWKV),
    "rwkv5": _row(5),
    "rwkv6": _row(6),
    "rwkv7": Row(norm="layernorm", position="none", mixers=_rwkv_layers, mixer=_seventh_mix, block=_seventh_block,
                 experts=Experts(layers=no_feed_forward), names=SEVENTH),
}
