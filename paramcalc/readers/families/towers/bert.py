"""BERT as a part of other models: its encoder for words, and its layer for anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import QKVO, Attention
from paramcalc.components.base import Parts
from paramcalc.components.ffn import FeedForward
from paramcalc.components.norm import Norm
from paramcalc.readers.families.encoder import NAMES, Encoder, heads

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.model import ModelSpec


def words(config: Config, *, pooler: bool = False, offset: int = 0) -> ModelSpec:
    """The encoder of text, by the encoder skeleton; `offset` rows more than positions."""
    encoder = Encoder("", tops={"Model": ("pooler",) if pooler else ()}, position_offset=offset)
    return encoder(config.reread(config.data, architecture="BertModel"))


def alone(config: Config) -> ModelSpec:
    """The encoder of text as a model of its own, under a type of its own. Raises SpecError for a class with a head."""
    if config.architecture and not config.architecture.endswith("Model"):
        raise config.unknown_class()
    return words(config, pooler=True)


def placed(spec: ModelSpec, at: str) -> Parts:
    """Its modules where they stand at `at` in another model."""
    return {f"{at}.{key}": part if part.path is None else part.model_copy(
        update={"path": f"{at}.{part.path}".rstrip(".")}) for key, part in (spec.modules or {}).items()}


def layer(config: Config, *, cross: bool = False, causal: bool = False, chunk: int | None = None) -> Parts:
    """Its layer, one that attends to something else too where it is `cross`; within chunks where there are some."""
    width, names = config.integer("hidden_size"), {word: NAMES[word] for word in ("q_proj", "k_proj", "v_proj",
                                                                                  "o_proj")}
    attend = Attention(num_heads=heads(config), bias=QKVO, causal=causal, chunk=chunk, names=names)
    scale = Norm(kind="layernorm", hidden_size=width)
    parts: Parts = {"attention": attend, "attention.output.LayerNorm": scale}
    if cross:
        parts |= {"crossattention": attend.model_copy(update={"cross": True, "causal": False}),
                  "crossattention.output.LayerNorm": scale}
    feed = FeedForward(intermediate_size=config.integer("intermediate_size"), gated=False, bias=True, path="",
                       names={word: NAMES[word] for word in ("up_proj", "down_proj")})
    return {**parts, "feed_forward": feed, "output.LayerNorm": scale}
