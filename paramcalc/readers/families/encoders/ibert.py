"""I-BERT: RoBERTa with integers and scales saved beside every weight. Source: arXiv:2101.01321."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.linear import Parameter
from paramcalc.readers.families.encoder import Encoder
from paramcalc.readers.families.encoders.heads import ROBERTA_HEAD, ROBERTA_TOPS, top_of

if TYPE_CHECKING:
    from paramcalc.components.base import Parts
    from paramcalc.readers.config.config import Builder, Config
    from paramcalc.spec.model import ModelSpec


def buffer(name: str, *shape: int) -> Parts:
    """A buffer."""
    return {name: Parameter(shape=shape, buffer=True)}


def activation(name: str) -> Parts:
    """The range and scale of a quantised activation."""
    return buffer(f"{name}.x_min", 1) | buffer(f"{name}.x_max", 1) | buffer(f"{name}.act_scaling_factor", 1)


def linear(name: str, out: int, into: int) -> Parts:
    """The integers and scales of a quantised projection."""
    return (buffer(f"{name}.weight_integer", out, into) | buffer(f"{name}.fc_scaling_factor", out)
            | buffer(f"{name}.bias_integer", out))


def norm(name: str) -> Parts:
    """The shift of an integer LayerNorm and its output's range."""
    return buffer(f"{name}.shift", 1) | activation(f"{name}.activation")


def table_buffers(config: Config) -> Parts:
    """Beside the tables."""
    width = config.integer("hidden_size")
    rows = {"word": "vocab_size", "token_type": "type_vocab_size", "position": "max_position_embeddings"}
    parts: Parts = {}
    for name, key in rows.items():
        at = f"embeddings.{name}_embeddings"
        parts |= buffer(f"{at}.weight_scaling_factor", 1) | buffer(f"{at}.weight_integer", config.integer(key), width)
    for name in ("embeddings_act1", "embeddings_act2", "output_activation"):
        parts |= activation(f"embeddings.{name}")
    return parts | norm("embeddings.LayerNorm")


def layer_buffers(config: Config) -> Parts:
    """Beside a layer's weights."""
    width, inner = config.integer("hidden_size"), config.integer("intermediate_size")
    parts: Parts = {}
    for name in ("query", "key", "value"):
        parts |= linear(f"attention.self.{name}", width, width) | activation(f"attention.self.{name}_activation")
    parts |= linear("attention.output.dense", width, width) | linear("intermediate.dense", inner, width)
    parts |= linear("output.dense", width, inner)
    for name in ("attention.self.output_activation", "attention.self.softmax.act", "attention.output.ln_input_act",
                 "attention.output.output_activation", "intermediate.output_activation", "output.ln_input_act",
                 "output.output_activation", "pre_intermediate_act", "pre_output_act"):
        parts |= activation(name)
    return parts | norm("attention.output.LayerNorm") | norm("output.LayerNorm")


ROW = Encoder("ibert", head=ROBERTA_HEAD, tops=ROBERTA_TOPS, tables=table_buffers, further=layer_buffers)


def ibert(config: Config) -> ModelSpec:
    """I-BERT. Its token table is of a class of its own: it counts with the head where tokens are predicted, else as a
    side table, as the library's own parameters are told apart by class."""
    spec = ROW(config)
    predicts = "head" in ROBERTA_TOPS[top_of(config, ROBERTA_TOPS)]
    table = Parameter(shape=(config.integer("vocab_size"), config.integer("hidden_size")), role="lookup",
                      component="lm_head" if predicts else "other_embedding")
    modules = dict(spec.modules or {})
    for key in [key for key in modules if key.endswith("embeddings.word_embeddings")]:
        del modules[key]
        modules[f"{key}.weight"] = table
    return spec.model_copy(update={"modules": modules})


ROWS: dict[str, Builder] = {"ibert": ibert}
