"""MobileBERT: narrow layers between bottlenecks, several feed-forwards each. Source: arXiv:2004.02984."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import QKVO, Attention
from paramcalc.components.embedding import Embedding
from paramcalc.components.ffn import FeedForward
from paramcalc.components.layout import Repeat
from paramcalc.components.linear import Head, Linear, Parameter
from paramcalc.components.norm import Norm
from paramcalc.components.stack import Stack
from paramcalc.errors import HEADS
from paramcalc.readers.families.encoders.heads import BERT_TOPS, Tops, top_of
from paramcalc.spec.layer import Block
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from paramcalc.component_names import ComponentName
    from paramcalc.components.base import Parts
    from paramcalc.readers.config.config import Builder, Config


def norm(width: int) -> Norm:
    """NoNorm, a scale and a shift without statistics, has LayerNorm's tensors."""
    return Norm(kind="layernorm", hidden_size=width)


def inner(config: Config) -> int:
    """The width inside a layer: the bottleneck's, where there is one. A file's `true_hidden_size` must equal it: the
    class would use another size for some of the matrices only."""
    size = config.integer("intra_bottleneck_size" if config.flag("use_bottleneck") else "hidden_size")
    config.size_of_its_own("true_hidden_size", size)
    return size


def embeddings(config: Config) -> Parts:
    """A narrow token table, three neighbours of which make a wide vector."""
    width, narrow = config.integer("hidden_size"), config.integer("embedding_size")
    neighbours = 3 if config.flag("trigram_input") else 1
    return {
        "embeddings.word_embeddings": Embedding(hidden_size=narrow),
        "embeddings.position_embeddings": Embedding(rows=config.integer("max_position_embeddings"),
                                                    component="position_embedding"),
        "embeddings.token_type_embeddings": Embedding(rows=config.integer("type_vocab_size"),
                                                      component="other_embedding"),
        "embeddings.embedding_transformation": Linear(in_features=neighbours * narrow, bias=True,
                                                      component="other_embedding"),
        "embeddings.LayerNorm": norm(width),
    }


def bottleneck(config: Config, name: str, component: ComponentName) -> Parts:
    """From the residual's width to the layer's."""
    size = config.integer("intra_bottleneck_size")
    return {f"bottleneck.{name}.dense": Linear(out_features=size, bias=True, component=component),
            f"bottleneck.{name}.LayerNorm": norm(size)}


def layer(config: Config) -> Parts:
    """Bottlenecks in, attention, feed-forwards, bottleneck out."""
    width, size = config.integer("hidden_size"), inner(config)
    feeds = config.integer("num_feedforward_networks")
    narrowed = config.flag("use_bottleneck")
    parts: Parts = {}
    if narrowed:
        parts |= bottleneck(config, "input", "other")
        if config.flag("key_query_shared_bottleneck"):
            parts |= bottleneck(config, "attention", "attention")
    parts |= attention(config)
    feed = FeedForward(intermediate_size=config.integer("intermediate_size"), gated=False, bias=True, path="",
                       hidden_size=size, names={"up_proj": "intermediate.dense", "down_proj": "output.dense"})
    if feeds > 1:
        parts["feed_forwards"] = feed.model_copy(update={"path": "ffn.*", "copies": feeds - 1})
        parts["ffn.*.output.LayerNorm"] = norm(size).model_copy(update={"copies": feeds - 1})
    parts |= {"feed_forward": feed, "output.LayerNorm": norm(size)}
    if narrowed:
        parts["output.bottleneck.dense"] = Linear(in_features=size, out_features=width, bias=True)
        parts["output.bottleneck.LayerNorm"] = norm(width)
    return parts


def attention(config: Config) -> Parts:
    """Queries and keys from the bottleneck; values from the whole residual, unless they share it."""
    width, size, count = config.integer("hidden_size"), inner(config), config.integer("num_attention_heads")
    if size % count:
        raise config.error("num_attention_heads", f"{count} does not divide {size}, the width inside a layer",
                           code=HEADS)
    values = size if config.flag("use_bottleneck_attention") else width
    return {
        "attention": Attention(
            num_heads=count, hidden_size=size, bias=QKVO, causal=False, value_source_size=values,
            names={"q_proj": "self.query", "k_proj": "self.key", "v_proj": "self.value", "o_proj": "output.dense"}),
        "attention.output.LayerNorm": norm(size),
    }


def head(config: Config) -> Parts:
    """The decoder is the token table, and a second matrix for the rest of the width."""
    width, narrow, rows = (config.integer(key) for key in ("hidden_size", "embedding_size", "vocab_size"))
    parts: Parts = {
        "cls.predictions.transform.dense": Linear(bias=True, component="lm_head"),
        "cls.predictions.transform.LayerNorm": Norm(kind="layernorm", component="lm_head"),
        "cls.predictions.bias": Parameter(shape=(rows,), component="lm_head"),
        "cls.predictions.decoder": Head(tied=config.tied, bias=not config.tied, hidden_size=narrow),
    }
    if width > narrow:
        parts["cls.predictions.dense"] = Linear(in_features=rows, out_features=width - narrow, component="lm_head")
    return parts


def pooler(config: Config) -> Parts:
    """A dense layer over the first token, or nothing."""
    if not config.flag("classifier_activation"):
        return {}
    return {"pooler.dense": Linear(bias=True, component="pooler", per="sequence")}


TOPS: Tops = {word: pieces for word, pieces in BERT_TOPS.items() if word != "CausalLM"}


def mobilebert(config: Config) -> ModelSpec:
    """MobileBERT."""
    top = top_of(config, TOPS)
    below = embeddings(config) | {"encoder.layer": Stack(of=(Repeat(repeat=config.layers, of=("layer",)),))}
    above: Parts = {}
    for piece in TOPS[top]:
        if piece == "pooler":
            below |= pooler(config)
        else:
            above |= head(config) if piece == "head" else piece(config)
    base = "" if top == "Model" else "mobilebert."
    modules = {base + key: part for key, part in below.items()} | above
    return ModelSpec(hidden_size=config.integer("hidden_size"), vocab_size=config.integer("vocab_size"),
                     modules=modules, blocks={"layer": Block(parts=layer(config))})


ROWS: dict[str, Builder] = {"mobilebert": mobilebert}
