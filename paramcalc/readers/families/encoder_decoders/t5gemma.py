"""T5Gemma: an encoder and a decoder, each a Gemma 2 with its own config and its own table. arXiv:2504.06225."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import QKVO, Attention
from paramcalc.components.embedding import Embedding
from paramcalc.components.ffn import FeedForward
from paramcalc.components.layout import roll
from paramcalc.components.linear import Head
from paramcalc.components.norm import Norm
from paramcalc.components.stack import Stack
from paramcalc.readers.config.config import Config
from paramcalc.readers.config.patterns import SLIDING, every, mixers
from paramcalc.readers.families import family_of
from paramcalc.spec.layer import Block
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from paramcalc.components.base import Parts
    from paramcalc.readers.config.config import Builder
    from paramcalc.readers.families.encoder_decoder import Side

MODULE = "t5_gemma_module"


def t5gemma(config: Config) -> ModelSpec:
    """The specification of an encoder and a decoder whose widths may differ."""
    if config.task not in ("seq2seq", "bare", "encoder", "classification"):
        raise config.unknown_class()
    base = "" if config.bare else "model."
    alone = config.task == "encoder" or (config.task == "classification" and not config.flag(
        "is_encoder_decoder", default=True))
    sides: dict[Side, Config] = {"encoder": half(config, "encoder"), "decoder": half(config, "decoder")}
    width = sides["encoder" if alone else "decoder"].integer("hidden_size")
    rows = config.integer("vocab_size")
    source = sides["encoder"].integer("hidden_size")
    modules: Parts = {}
    blocks: dict[str, Block] = {}
    for side, own in sides.items():
        if alone and side == "decoder":
            continue
        size = own.integer("hidden_size")
        words = mixers(own, every(own, 2))
        blocks |= {f"{side}_{word}": Block(parts=layer(own, side, word, source)) for word in dict.fromkeys(words)}
        modules |= {
            f"{base}{side}.embed_tokens": Embedding(rows=own.integer("vocab_size"), hidden_size=size),
            f"{base}{side}.layers": Stack(of=tuple(roll([f"{side}_{word}" for word in words])), hidden_size=size,
                                          stream="source" if side == "encoder" and not alone else "token"),
            f"{base}{side}.norm": Norm(kind="rmsnorm", hidden_size=size),
        }
    if config.task == "seq2seq":
        modules["lm_head.out_proj"] = Head(tied=config.tied)
    elif config.task == "classification":
        modules["score.out_proj"] = Head(rows=config.labels, bias=True)
    return ModelSpec(hidden_size=width, vocab_size=rows, modules=modules, blocks=blocks)


def half(config: Config, side: Side) -> Config:
    """The encoder's or the decoder's own config, over its class's defaults."""
    data = config.get(side)
    family = family_of(MODULE).data
    if not isinstance(data, dict) or family is None:
        raise config.expected(side, "a mapping")
    return config.part(side, data, family, MODULE, config.architecture)


def layer(config: Config, side: Side, word: str, source: int) -> Parts:
    """A layer: attention, in the decoder attention to the encoder, feed-forward; a norm before and after each."""
    parts: Parts = {**_normed("self_attn", attention(config, side, word))}
    if side == "decoder":
        parts |= _normed("cross_attn", attention(config, side, word, source))
    feed = FeedForward(intermediate_size=config.integer("intermediate_size"))
    return parts | {"pre_feedforward_layernorm": Norm(kind="rmsnorm"), "mlp": feed,
                    "post_feedforward_layernorm": Norm(kind="rmsnorm")}


def _normed(name: str, part: Attention) -> Parts:
    return {f"pre_{name}_layernorm": Norm(kind="rmsnorm"), name: part, f"post_{name}_layernorm": Norm(kind="rmsnorm")}


def attention(config: Config, side: Side, word: str, source: int | None = None) -> Attention:
    """Self-attention, or with `source` attention to vectors of that width."""
    window = config.optional("sliding_window") if word == SLIDING and source is None else None
    return Attention(num_heads=config.integer("num_attention_heads"), num_kv_heads=config.kv_heads,
                     head_dim=config.head_dim, bias=QKVO if config.flag("attention_bias") else (),
                     cross=source is not None, causal=side == "decoder" and source is None, window=window,
                     source_size=source)


ROWS: dict[str, Builder] = {"t5gemma": t5gemma}
