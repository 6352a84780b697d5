"""LXMERT: a BERT over words, one over regions of a picture, and layers in which each reads the other.

arXiv:1908.07490."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import QKVO, Attention
from paramcalc.components.embedding import Embedding
from paramcalc.components.linear import Linear
from paramcalc.components.norm import Norm
from paramcalc.components.stack import Stack
from paramcalc.readers.families.encoder import heads
from paramcalc.readers.families.encoders.heads import PAIR, PredictionHead, Tops, top_of
from paramcalc.spec.layer import Block
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from paramcalc.components.base import Component, Parts
    from paramcalc.readers.config.config import Builder, Config

LOSSES = {"obj": "num_object_labels", "attr": "num_attr_labels", "feat": "visual_feat_dim"}
"""What the head over regions says, and the key that says how much of it there is."""


def _dense(out: int, into: int, component: str = "other") -> Linear:
    return Linear.model_validate({"kind": "linear", "out_features": out, "in_features": into, "bias": True,
                                  "component": component})


def _attention(config: Config, at: str, inner: str = "self", *, cross: bool = False) -> Parts:
    names = {f"{short}_proj": f"{inner}.{word}" for short, word in (("q", "query"), ("k", "key"), ("v", "value"))}
    return {at: Attention(num_heads=heads(config), bias=QKVO, causal=False,
                          cross=cross, names=names | {"o_proj": "output.dense"}),
            f"{at}.output.LayerNorm": Norm(kind="layernorm")}


def _feed(config: Config, first: str, second: str, component: str = "ffn") -> Parts:
    width, inner = config.integer("hidden_size"), config.integer("intermediate_size")
    return {f"{first}.dense": _dense(inner, width, "ffn"), f"{second}.dense": _dense(width, inner, component),
            f"{second}.LayerNorm": Norm(kind="layernorm")}


def _crossing(config: Config) -> Parts:
    """A layer in which words read regions and, by the same weights, regions words."""
    parts = _attention(config, "visual_attention", "att", cross=True)
    for side in ("lang", "visn"):
        parts |= _attention(config, f"{side}_self_att") | _feed(config, f"{side}_inter", f"{side}_output", "other")
    return parts


def _regions(config: Config) -> Parts:
    """What embeds a region's features and its box."""
    width = config.integer("hidden_size")
    parts: Parts = {}
    for name, key in (("visn", "visual_feat_dim"), ("box", "visual_pos_dim")):
        parts |= {f"{name}_fc": _dense(width, config.integer(key)), f"{name}_layer_norm": Norm(kind="layernorm")}
    return parts


def answers(config: Config) -> Parts:
    """A score for each answer."""
    width = config.integer("hidden_size")
    return {"answer_head.logit_fc.0": _dense(2 * width, width),
            "answer_head.logit_fc.2": Norm(kind="layernorm", hidden_size=2 * width),
            "answer_head.logit_fc.3": _dense(config.integer("num_qa_labels"), 2 * width)}


def pretraining(config: Config) -> Parts:
    """Heads of the pretraining tasks the config wants."""
    width = config.integer("hidden_size")
    parts: Parts = PredictionHead(biased=False)(config) | PAIR(config)
    if config.flag("task_obj_predict", default=True):
        at = "obj_predict_head"
        parts |= {f"{at}.transform.dense": _dense(width, width), f"{at}.transform.LayerNorm": Norm(kind="layernorm")}
        parts |= {f"{at}.decoder_dict.{word}": _dense(config.integer(key), width) for word, key in LOSSES.items()
                  if config.flag(f"visual_{word}_loss", default=True)}
    return parts | answers(config) if config.flag("task_qa", default=True) else parts


TOPS: Tops = {"Model": (), "PreTraining": (pretraining,), "QuestionAnswering": (answers,)}


def lxmert(config: Config) -> ModelSpec:
    """The specification of one config."""
    word = top_of(config, TOPS, "Model")
    base, at = "" if word == "Model" else "lxmert.", "encoder"
    plain = _attention(config, "attention") | _feed(config, "intermediate", "output")
    modules: dict[str, Component] = {
        "embeddings.word_embeddings": Embedding(),
        "embeddings.position_embeddings": Embedding(rows=config.integer("max_position_embeddings"),
                                                    component="position_embedding"),
        "embeddings.token_type_embeddings": Embedding(rows=config.integer("type_vocab_size"),
                                                      component="other_embedding"),
        "embeddings.LayerNorm": Norm(kind="layernorm"),
        **{f"{at}.visn_fc.{key}": part for key, part in _regions(config).items()}}
    for name, key, block in (("layer", "l_layers", "plain"), ("x_layers", "x_layers", "crossing"),
                             ("r_layers", "r_layers", "plain")):
        modules[f"{at}.{name}"] = Stack(of=(block,) * config.depth(key))
    modules["pooler.dense"] = Linear(bias=True, component="pooler", per="sequence")
    named = {base + key: part for key, part in modules.items()}
    for piece in TOPS[word]:
        named |= piece(config) if callable(piece) else {}
    return ModelSpec(hidden_size=config.integer("hidden_size"), vocab_size=config.integer("vocab_size"), modules=named,
                     blocks={"plain": Block(parts=plain), "crossing": Block(parts=_crossing(config))})


ROWS: dict[str, Builder] = {"lxmert": lxmert}
