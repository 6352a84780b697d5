"""FSMT: WMT'19's translators, whose two languages have vocabularies of their own. arXiv:1907.06616."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import QKVO, Attention
from paramcalc.components.embedding import Embedding
from paramcalc.components.ffn import FeedForward
from paramcalc.components.linear import Linear
from paramcalc.components.norm import Norm
from paramcalc.components.stack import Stack
from paramcalc.readers.families.spellings import FC
from paramcalc.spec.layer import Block
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from paramcalc.components.base import Parts
    from paramcalc.readers.config.config import Builder, Config
    from paramcalc.readers.families.encoder_decoder import Side

LANGUAGE: dict[Side, str] = {"encoder": "src", "decoder": "tgt"}


def _layer(config: Config, side: Side, width: int) -> Parts:
    """A layer; norms follow what they norm."""
    count = config.dividing(f"{side}_attention_heads", width)
    parts: Parts = {}
    for name in ("self_attn", "encoder_attn") if side == "decoder" else ("self_attn",):
        cross = name == "encoder_attn"
        parts |= {name: Attention(num_heads=count, bias=QKVO, names={"o_proj": "out_proj"}, cross=cross,
                                  causal=side == "decoder" and not cross),
                  f"{name}_layer_norm": Norm(kind="layernorm")}
    feed = FeedForward(intermediate_size=config.integer(f"{side}_ffn_dim"), gated=False, bias=True, path="",
                       names=FC)
    return parts | {"feed_forward": feed, "final_layer_norm": Norm(kind="layernorm")}


def fsmt(config: Config) -> ModelSpec:
    """Each side's tokens, frozen sinusoids and layers; the head belongs to the decoder, in the bare class too."""
    if config.task not in ("seq2seq", "bare"):
        raise config.unknown_class()
    base = "" if config.task == "bare" else "model."
    width, rows = config.integer("d_model"), config.integer("tgt_vocab_size")
    longest = config.integer("max_position_embeddings") + config.integer("pad_token_id", 1, least=0) + 1
    modules: Parts = {}
    blocks: dict[str, Block] = {}
    sides: tuple[Side, ...] = ("encoder", "decoder")
    for side in sides:
        words = config.integer(f"{LANGUAGE[side]}_vocab_size")
        tied = f"{base}decoder.embed_tokens" if side == "encoder" and config.tied else None
        blocks[side] = Block(parts=_layer(config, side, width))
        modules |= {f"{base}{side}.embed_tokens": Embedding(rows=words, tied_to=tied),
                    f"{base}{side}.embed_positions": Embedding(rows=longest, component="position_embedding",
                                                               frozen=True),
                    f"{base}{side}.layers": Stack(of=(side,) * config.depth(f"{side}_layers"),
                                                  stream="source" if side == "encoder" else "token")}
    head = Linear(out_features=rows).model_copy(update={"stored": 0} if config.tied else {})
    modules[f"{base}decoder.output_projection"] = head
    return ModelSpec(hidden_size=width, vocab_size=rows, modules=modules, blocks=blocks)


ROWS: dict[str, Builder] = {"fsmt": fsmt}
