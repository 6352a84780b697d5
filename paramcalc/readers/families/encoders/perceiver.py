"""Perceiver: latents that attend to an input and then to each other, and queries that read them. arXiv:2107.14795.

Source: transformers models/perceiver/modeling_perceiver.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from paramcalc.components.base import Parts
from paramcalc.components.convolution import BatchNorm, Convolution
from paramcalc.components.embedding import Embedding
from paramcalc.components.linear import Head, Linear, Parameter, Score
from paramcalc.components.norm import Norm
from paramcalc.components.stack import Stack
from paramcalc.readers.families.encoders.heads import top_of
from paramcalc.spec.layer import Block
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Builder, Config

FOURIER = 2 * 64 * 2 + 2
"""Values of a place in a picture: sines and cosines of 64 frequencies a side, and the place itself."""


@dataclass(frozen=True)
class Reader:
    """A layer whose `queries` vectors, `width` wide, attend to `keys` others; None for each token of the input."""

    queries: int | None
    width: int
    read: int
    keys: int | None
    qk: int | None = None
    v: int | None = None
    heads: int = 1
    widening: int = 1
    cross: bool = True
    uses: int = 1

    def _dense(self, out: int, into: int, component: str, positions: int | None) -> Linear:
        """A projection of so many positions of a sequence, or of each token."""
        return Linear.model_validate({
            "kind": "linear", "out_features": out, "in_features": into, "bias": True, "component": component,
            "per": "token" if positions is None else "sequence", "uses": self.uses * (positions or 1)})

    def parts(self, config: Config) -> Parts:
        """The layer, each part by its place. Raises SpecError for widths that heads do not divide."""
        queried = config.choice("cross_attention_shape_for_attention", ("q", "kv"), "kv") == "q"
        qk = self.qk or (self.width if queried or not self.cross else self.read)
        v = self.v or qk
        if qk % self.heads or v % self.heads:
            raise config.error("qk_channels" if qk % self.heads else "v_channels",
                               f"{self.heads} heads do not divide {qk if qk % self.heads else v}")
        at, inner = "attention.self", self.widening * self.width
        counts = [count for count in (self.queries, self.keys) if count is not None]
        scores = Score.model_validate({"kind": "work", "sizes": (*counts, qk + v), "component": "attention",
                                       "uses": self.uses, "per": "sequence" if len(counts) == 2 else "token"})
        second: Parts = {f"{at}.layernorm2": Norm(kind="layernorm", hidden_size=self.read)} if self.cross else {}
        return {
            f"{at}.layernorm1": Norm(kind="layernorm", hidden_size=self.width), **second,
            f"{at}.query": self._dense(qk, self.width, "attention", self.queries),
            f"{at}.key": self._dense(qk, self.read, "attention", self.keys),
            f"{at}.value": self._dense(v, self.read, "attention", self.keys),
            "scores": scores,
            "attention.output.dense": self._dense(self.width if self.cross else v, v, "attention", self.queries),
            "layernorm": Norm(kind="layernorm", hidden_size=self.width),
            "mlp.dense1": self._dense(inner, self.width, "ffn", self.queries),
            "mlp.dense2": self._dense(self.width, inner, "ffn", self.queries)}


def _words(config: Config) -> tuple[Parts, int]:
    """What embeds words, and how wide."""
    width = config.integer("d_model")
    return {"embeddings": Embedding(hidden_size=width),
            "position_embeddings": Embedding(rows=config.integer("max_position_embeddings"), hidden_size=width,
                                             component="position_embedding")}, width


def _learned(config: Config) -> tuple[Parts, int]:
    """Pixels with a table of places beside them."""
    width, rows = 256, config.integer("image_size") ** 2
    return {"convnet_1x1": Convolution(out_channels=width, in_channels=3, kernel=(1, 1), component="other"),
            "position_embeddings.position_embeddings": Parameter(shape=(rows, width), component="position_embedding",
                                                                 added=True),
            "positions_projection": Linear(out_features=width, in_features=width, bias=True,
                                           component="position_embedding")}, 2 * width


def _pixels(_: Config) -> tuple[Parts, int]:
    """Pixels as they are, with the sines of their places."""
    return {}, 3 + FOURIER


def _convolved(_: Config) -> tuple[Parts, int]:
    """What a convolution makes of pixels, with the sines of their places."""
    return {"convnet.conv": Convolution(out_channels=64, in_channels=3, kernel=(7, 7), bias=False, component="other"),
            "convnet.batchnorm": BatchNorm(hidden_size=64, component="norm")}, 64 + FOURIER


def _frames(_: Config) -> tuple[Parts, int]:
    """Patches of two frames, with the sines of their places."""
    return {"conv_after_patches": Linear(out_features=64, in_features=54, bias=True)}, 64 + FOURIER


INPUTS = {"ImageClassificationLearned": _learned, "ImageClassificationFourier": _pixels,
          "ImageClassificationConvProcessing": _convolved, "OpticalFlow": _frames, "MaskedLM": _words,
          "SequenceClassification": _words}
"""What a class embeds, by the end of its name; the bare class reads what is already embedded."""


def _outputs(config: Config, top: str, latents: int, width: int, read: int) -> Parts:
    """The queries of a class, what they read of the latents, and what it makes of that."""
    if top == "MaskedLM":
        rows, word_width = config.integer("max_position_embeddings"), config.integer("d_model")
        reader, at = Reader(rows, word_width, width, latents, 8 * 32, word_width, 8), "decoder"
        table: Parts = {"position_embeddings": Parameter(shape=(rows, word_width), component="position_embedding",
                                                         added=True)}
        bias = Parameter(shape=(config.integer("vocab_size"),), component="other_embedding", added=True)
        last: Parts = {"embedding_decoder.bias": bias, "embedding_decoder": Head(tied=True, hidden_size=word_width)}
    elif top == "OpticalFlow":
        reader, at, table = Reader(None, read, width, latents), "decoder.decoder", {}
        last = {"perceiver.decoder.decoder.final_layer": Linear(out_features=2, in_features=read, bias=True)}
    else:
        reader, at = Reader(1, width, width, latents), "decoder.decoder"
        table = {"position_embeddings": Parameter(shape=(1, width), component="position_embedding", added=True)}
        last = {"perceiver.decoder.decoder.final_layer": Linear(out_features=config.labels, in_features=width,
                                                                bias=True, per="sequence")}
    return {**{f"perceiver.{at}.output_position_encodings.{key}": part for key, part in table.items()},
            **{f"perceiver.{at}.decoding_cross_attention.{key}": part for key, part in reader.parts(config).items()},
            **last}


def perceiver(config: Config) -> ModelSpec:
    """Perceiver IO, with what its class embeds and reads. Raises SpecError for the class of several modalities."""
    top = top_of(config, {"Model": (), **dict.fromkeys(INPUTS, ())})
    latents, width = config.integer("num_latents"), config.integer("d_latents")
    front, read = INPUTS[top](config) if top != "Model" else ({}, config.integer("d_model"))
    base = "" if top == "Model" else "perceiver."
    qk, v = config.optional("qk_channels"), config.optional("v_channels")
    crossing = Reader(latents, width, read, None, qk, v, config.integer("num_cross_attention_heads"),
                      config.integer("cross_attention_widening_factor"))
    turns = config.depth("num_blocks")
    between = Reader(latents, width, width, latents, qk, v, config.integer("num_self_attention_heads"),
                     config.integer("self_attention_widening_factor"), cross=False, uses=turns)
    modules: Parts = {
        **{f"{base}input_preprocessor.{key}": part for key, part in front.items()},
        f"{base}embeddings.latents": Parameter(shape=(latents, width), component="other_embedding", added=True),
        **{f"{base}encoder.cross_attention.{key}": part for key, part in crossing.parts(config).items()},
        f"{base}encoder.self_attends": Stack(of=("latents",) * config.depth("num_self_attends_per_block"))}
    if top != "Model":
        modules |= _outputs(config, top, latents, width, read)
    return ModelSpec(hidden_size=width, vocab_size=config.integer("vocab_size"), modules=modules,
                     blocks={"latents": Block(parts=between.parts(config))})


ROWS: dict[str, Builder] = {"perceiver": perceiver}
