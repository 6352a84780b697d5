"""Reformer: reversible layers that attend within hashed or neighbouring chunks. Source: arXiv:2001.04451."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import Attention
from paramcalc.components.embedding import Embedding
from paramcalc.components.ffn import FeedForward
from paramcalc.components.layout import roll
from paramcalc.components.linear import Head, Linear, Parameter, Score
from paramcalc.components.norm import Norm
from paramcalc.components.stack import Stack
from paramcalc.errors import LAYERS
from paramcalc.numbers import many
from paramcalc.readers.config.published import written_before
from paramcalc.readers.families.encoders.heads import Tops, top_of
from paramcalc.spec.layer import Block
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from paramcalc.components.base import Parts
    from paramcalc.readers.config.config import Builder, Config

KINDS = ("local", "lsh")


def positions(config: Config) -> Parts:
    """A table, or one small table for each axis of a grid the positions are laid on."""
    at, width = "embeddings.position_embeddings", config.integer("hidden_size")
    if not config.flag("axial_pos_embds"):
        return {f"{at}.embedding": Embedding(rows=config.integer("max_position_embeddings"),
                                             component="position_embedding")}
    shape = config.listed("axial_pos_shape", int) or []
    widths = config.listed("axial_pos_embds_dim", int, len(shape)) or []
    if sum(widths) != width or min(shape, default=0) < 1 or min(widths, default=0) < 1:
        raise config.error("axial_pos_embds_dim", f"{widths} must be positive and add up to hidden_size ({width})")
    parts: Parts = {}
    for axis, (rows, size) in enumerate(zip(shape, widths, strict=True)):
        grid = [1] * len(shape)
        grid[axis] = rows
        parts[f"axis_{axis}"] = Parameter(shape=(*grid, size), role="lookup", component="position_embedding",
                                          path=f"{at}.weights.*")
    return parts


def keys_per_query(config: Config, kind: str) -> int:
    """How many keys a query sees: its own chunk, and those before and after it."""
    chunks = 1 + sum(config.integer(f"{kind}_num_chunks_{side}", 0, least=0) for side in ("before", "after"))
    return config.integer(f"{kind}_attn_chunk_length") * chunks


def attention(config: Config, kind: str) -> Parts:
    """Local: plain within neighbouring chunks. LSH: one projection is query and key, chunks are of equal hashes."""
    count, head = config.integer("num_attention_heads"), config.integer("attention_head_size")
    at, causal = "attention.self_attention", config.flag("is_decoder")
    out = Linear(in_features=count * head, component="attention")
    if kind == "local":
        part = Attention(num_heads=count, head_dim=head, causal=causal, output=False,
                         window=keys_per_query(config, kind), path=at,
                         names={"q_proj": "query", "k_proj": "key", "v_proj": "value"})
        return {at: part, "attention.output.dense": out}
    inner = Linear(out_features=count * head, component="attention")
    hashes = config.integer("num_hashes")
    return {
        f"{at}.query_key": inner, f"{at}.value": inner,
        "scores": Score(sizes=(hashes, count, 2 * head), per="pair", causal=causal, component="attention",
                        window=keys_per_query(config, kind)),
        "attention.output.dense": out,
    }


def layer(config: Config, kind: str) -> Parts:
    """A norm before each half."""
    feed = FeedForward(intermediate_size=config.integer("feed_forward_size"), gated=False, bias=True,
                       names={"up_proj": "dense.dense", "down_proj": "output.dense"})
    return {"attention.layer_norm": Norm(kind="layernorm"), **attention(config, kind),
            "feed_forward.layer_norm": Norm(kind="layernorm"), "feed_forward": feed}


BIAS_TWICE_SINCE = (5, 24)
"""The release since which the library's class holds the bias of the head twice."""


def head(config: Config) -> Parts:
    """Both streams of the reversible layers side by side are projected to tokens: never the embedding's matrix."""
    twice = not written_before(config.data, BIAS_TWICE_SINCE, unsaid=True)
    width = 2 * config.integer("hidden_size")
    return {"lm_head.bias": Parameter(shape=(config.integer("vocab_size"),), component="lm_head"),
            "lm_head.decoder": Head(hidden_size=width, bias=twice)}


def spans(config: Config) -> Parts:
    """Two scores a token."""
    return {"qa_outputs": Linear(in_features=2 * config.integer("hidden_size"), out_features=config.labels, bias=True,
                                 component="lm_head")}


def labels(config: Config) -> Parts:
    """A dense layer and the labels."""
    width = config.integer("hidden_size")
    return {"classifier.dense": Linear(in_features=2 * width, bias=True, component="lm_head", per="sequence"),
            "classifier.out_proj": Linear(out_features=config.labels, bias=True, component="lm_head", per="sequence")}


TOPS: Tops = {"Model": (), "MaskedLM": (head,), "CausalLM": (head,), "QuestionAnswering": (spans,),
              "SequenceClassification": (labels,)}


def layer_kinds(config: Config) -> list[str]:
    """`attn_layers`, one a layer; where they are all alike, `num_hidden_layers` may say another number of them."""
    kinds = config.listed("attn_layers", str) or []
    if not kinds or len(kinds) > 4096 or not set(kinds) <= set(KINDS):
        raise config.expected("attn_layers", f"{' or '.join(KINDS)} for each layer", code=LAYERS)
    count = config.layers if config.get("num_hidden_layers") is not None else len(kinds)
    if len(set(kinds)) == 1:
        return kinds[:1] * count
    if count > len(kinds):
        raise config.error("attn_layers", f"has {many(len(kinds), 'entry')} for {many(count, 'layer')}", code=LAYERS)
    return kinds[:count]


def reformer(config: Config) -> ModelSpec:
    """Reformer: reversible layers, each with its kind of attention."""
    kinds = layer_kinds(config)
    top = top_of(config, TOPS)
    width = config.integer("hidden_size")
    below: Parts = {"embeddings.word_embeddings": Embedding(), **positions(config),
                    "encoder.layers": Stack(of=tuple(roll(kinds))),
                    "encoder.layer_norm": Norm(kind="layernorm", hidden_size=2 * width)}
    base = "" if top == "Model" else "reformer."
    modules = {base + key: part if part.path is None else part.model_copy(update={"path": base + part.path})
               for key, part in below.items()}
    for piece in TOPS[top]:
        if callable(piece):
            modules |= piece(config)
    return ModelSpec(hidden_size=width, vocab_size=config.integer("vocab_size"), modules=modules,
                     blocks={kind: Block(parts=layer(config, kind)) for kind in dict.fromkeys(kinds)})


ROWS: dict[str, Builder] = {"reformer": reformer}
