"""T5Gemma 2: a Gemma 3 that reads and sees, and one that writes; both look words up in one table. arXiv:2512.14856."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import Attention
from paramcalc.components.embedding import Embedding
from paramcalc.components.layout import roll
from paramcalc.components.linear import Head, Parameter
from paramcalc.components.norm import Norm
from paramcalc.components.stack import Stack
from paramcalc.readers.config.patterns import every, mixers
from paramcalc.readers.families.encoder_decoders.t5gemma import layer
from paramcalc.readers.families.towers.composite import nested
from paramcalc.readers.families.towers.frame import tower
from paramcalc.readers.families.towers.parts import matrix, rms
from paramcalc.readers.families.towers.siglip import vision
from paramcalc.spec.layer import Block
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from paramcalc.components.base import Parts
    from paramcalc.readers.config.config import Builder, Config
    from paramcalc.readers.families.encoder_decoder import Side


def _layer(config: Config, side: Side, word: str, source: int) -> Parts:
    """T5Gemma's encoder layer with norms of queries and keys. A decoder's attention sees the encoder's output beside
    its own words, by the same matrices."""
    parts = layer(config, "encoder", word, source)
    own = parts["self_attn"].model_copy(update={"qk_norm": "head", "causal": side == "decoder"})
    parts["self_attn"] = own
    if side == "decoder" and isinstance(own, Attention):
        parts["merged_attn"] = own.model_copy(update={"cross": True, "causal": False, "source_size": source,
                                                      "window": None, "without_weights": True})
    return parts


def _stack(config: Config, side: Side, source: int) -> tuple[Parts, dict[str, Block]]:
    width, words = config.integer("hidden_size"), mixers(config, every(config, 6))
    blocks = {f"{side}_{word}": Block(parts=_layer(config, side, word, source)) for word in dict.fromkeys(words)}
    stack = Stack(of=tuple(roll([f"{side}_{word}" for word in words])), hidden_size=width,
                  stream="source" if side == "encoder" else "token")
    return {"layers": stack, "norm": Norm(kind="rmsnorm", hidden_size=width)}, blocks


def _table(config: Config, at: str, tied_to: str = "") -> Parts:
    """The table, and a vector for the end of a picture."""
    width = config.integer("hidden_size")
    end = Parameter(shape=(width,), component="token_embedding", tied=bool(tied_to))
    return {at: Embedding(rows=config.integer("vocab_size"), hidden_size=width, tied_to=tied_to or None),
            f"{at}.eoi_embedding": end}


def t5gemma2(config: Config) -> ModelSpec:
    """The specification of one config."""
    if config.task not in ("seq2seq", "bare", "classification"):
        raise config.unknown_class()
    base = "" if config.task == "bare" else "model."
    outer, target = nested(config, "encoder", "t5gemma2_encoder"), nested(config, "decoder", "t5gemma2_decoder")
    words, eyes = nested(outer, "text_config", "t5gemma2_text"), nested(outer, "vision_config", "siglip_vision_model")
    source, width, patches = words.integer("hidden_size"), target.integer("hidden_size"), eyes.integer("hidden_size")
    first, blocks = _stack(words, "encoder", source)
    second, more = _stack(target, "decoder", source)
    front, shared = f"{base}encoder", f"{base}encoder.embed_tokens"
    modules = _table(words, shared) | {f"{front}.{key}": part for key, part in first.items()}
    modules |= _table(target, f"{base}decoder.embed_tokens", shared)
    modules |= {f"{base}decoder.{key}": part for key, part in second.items()}
    if config.task == "seq2seq":
        modules["lm_head.out_proj"] = Head(rows=target.integer("vocab_size"), tied=config.tied)
    elif config.task == "classification":
        modules["score.out_proj"] = Head(rows=config.labels, bias=True)
    at = f"{base}encoder.multi_modal_projector"
    join = {f"{at}.mm_input_projection_weight": matrix(patches, source), f"{at}.mm_soft_emb_norm": rms(patches)}
    towers = {"vision": vision(eyes, f"{base}encoder.vision_tower").model_copy(update={"component": None}),
              "projector": tower(None, patches, join, stream="image_tokens")}
    return ModelSpec(hidden_size=width, vocab_size=target.integer("vocab_size"), modules=modules,
                     blocks=blocks | more, towers=towers)


ROWS: dict[str, Builder] = {"t5gemma2": t5gemma2}
