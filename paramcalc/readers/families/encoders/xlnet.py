"""XLNet and Funnel: attention relative to Transformer-XL's positions. Sources: arXiv:1906.08237, arXiv:2006.03236."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.embedding import Embedding
from paramcalc.components.ffn import FeedForward
from paramcalc.components.layout import Repeat
from paramcalc.components.linear import Head, Linear, Parameter, Score
from paramcalc.components.norm import Norm
from paramcalc.components.stack import Stack
from paramcalc.errors import HEADS
from paramcalc.readers.families.encoders.heads import (
    DISCRIMINATOR,
    PLAIN_TOPS,
    SPANS,
    TAGGED,
    Dense,
    SpanAnswers,
    Tops,
    top_of,
)
from paramcalc.spec.layer import Block
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from paramcalc.components.base import Parts
    from paramcalc.readers.config.config import Builder, Config
    from paramcalc.readers.families.encoders.heads import Piece


def matrix(*shape: int, uses: int = 1) -> Parameter:
    """A projection kept with heads and width apart."""
    return Parameter(shape=shape, role="matmul", component="attention", uses=uses)


def vector(*shape: int) -> Parameter:
    """A bias or a pair of segment vectors for each head."""
    return Parameter(shape=shape, component="attention")


def scores(count: int, head: int) -> Score:
    """Content against content, content against twice as many positions, and the values' sum."""
    return Score(sizes=(count, 4 * head), per="pair", causal=False, component="attention")


def xlnet_layer(config: Config) -> Parts:
    """Projections of tokens and of positions in both directions, and a plain feed-forward."""
    width, count = config.integer("d_model"), config.integer("n_head")
    head = config.optional("d_head") or width // count
    if width != head * count:
        raise config.error("n_head", f"{count} heads of {head} are not d_model ({width})", code=HEADS)
    at = "rel_attn"
    parts: Parts = {f"{at}.{name}": matrix(width, count, head) for name in "qkvo"}
    parts[f"{at}.r"] = matrix(width, count, head, uses=2)
    parts |= {f"{at}.r_{name}_bias": vector(count, head) for name in "rsw"}
    parts |= {
        f"{at}.seg_embed": vector(2, count, head), "scores": scores(count, head),
        f"{at}.layer_norm": Norm(kind="layernorm"),
        "ff": FeedForward(intermediate_size=config.integer("d_inner"), gated=False, bias=True,
                          names={"up_proj": "layer_1", "down_proj": "layer_2"}),
        "ff.layer_norm": Norm(kind="layernorm"),
    }
    return parts


def summary(config: Config) -> Parts:
    """The projection of what stands for a whole sequence."""
    if not config.flag("summary_use_proj"):
        return {}
    out = config.labels if config.flag("summary_proj_to_labels") else config.integer("d_model")
    return {"sequence_summary.summary": Linear(out_features=out, bias=True, per="sequence")}


def xlnet_head(config: Config) -> Parts:
    """A projection to tokens."""
    return {"lm_loss": Head(tied=config.tied, bias=True)}


XLNET_TOPS: Tops = {
    "Model": (), "CausalLM": (xlnet_head,), "TokenClassification": (TAGGED,), "QuestionAnsweringSimple": (SPANS,),
    "SequenceClassification": (summary, Dense("logits_proj", "labels", component="other")),
    "MultipleChoice": (summary, Dense("logits_proj", 1, component="other")),
    "QuestionAnswering": (SpanAnswers("", "other"),),
}


def xlnet(config: Config) -> ModelSpec:
    """XLNet."""
    top = top_of(config, XLNET_TOPS, silent="CausalLM")
    width = config.integer("d_model")
    below: Parts = {
        "mask_emb": Parameter(shape=(1, 1, width)), "word_embedding": Embedding(),
        "layer": Stack(of=(Repeat(repeat=config.layers, of=("layer",)),)),
    }
    return assembled(config, "" if top == "Model" else "transformer.", below, XLNET_TOPS[top],
                     {"layer": Block(parts=xlnet_layer(config))})


def assembled(config: Config, base: str, below: Parts, pieces: tuple[Piece, ...], blocks: dict[str, Block],
              notes: tuple[str, ...] = ()) -> ModelSpec:
    """The encoder below and what its class puts on it."""
    modules = {base + key: part for key, part in below.items()}
    for piece in pieces:
        if callable(piece):
            modules |= piece(config)
    return ModelSpec(hidden_size=config.integer("hidden_size"), vocab_size=config.integer("vocab_size"),
                     modules=modules, blocks=blocks, notes=notes)


def funnel_layer(config: Config, uses: int) -> Parts:
    """A layer, visited as often as its block repeats it."""
    width, count, head = config.integer("d_model"), config.integer("n_head"), config.integer("d_head")
    inner, at = count * head, "attention"
    parts: Parts = {f"{at}.{name}": vector(count, head) for name in ("r_w_bias", "r_r_bias", "r_s_bias")}
    parts |= {
        f"{at}.r_kernel": matrix(width, count, head, uses=2), f"{at}.seg_embed": vector(2, count, head),
        f"{at}.q_head": Linear(out_features=inner, component="attention"),
        f"{at}.k_head": Linear(out_features=inner, bias=True, component="attention"),
        f"{at}.v_head": Linear(out_features=inner, bias=True, component="attention"),
        f"{at}.post_proj": Linear(in_features=inner, bias=True, component="attention"),
        f"{at}.layer_norm": Norm(kind="layernorm"), "scores": scores(count, head),
        "ffn": FeedForward(intermediate_size=config.integer("d_inner"), gated=False, bias=True,
                           names={"up_proj": "linear_1", "down_proj": "linear_2"}),
        "ffn.layer_norm": Norm(kind="layernorm"),
    }
    return {key: part.model_copy(update={"uses": part.uses * uses}) for key, part in parts.items()}


def sizes(config: Config) -> list[tuple[int, int]]:
    """Layers of each block and how often each is repeated."""
    counts = config.listed("block_sizes", int) or []
    repeats = config.listed("block_repeats", int, len(counts)) or [1] * len(counts)
    for key, values in (("block_sizes", counts), ("block_repeats", repeats)):
        for index, value in enumerate(values):
            if not 1 <= value <= 4096:
                raise config.error(key, f"must be between 1 and 4,096, found {value}", index=index)
    return list(zip(counts, repeats, strict=True))


def funnel_head(config: Config) -> Parts:
    """A projection to tokens."""
    return {"lm_head": Head(tied=config.tied, bias=True)}


def two_layers(out: int | str) -> tuple[Dense, Dense]:
    """A hidden layer and the labels."""
    return Dense("classifier.linear_hidden"), Dense("classifier.linear_out", out)


FUNNEL_TOPS: Tops = {
    **PLAIN_TOPS, "MaskedLM": (funnel_head,), "PreTraining": DISCRIMINATOR, "BaseModel": (),
    "SequenceClassification": two_layers("labels"), "MultipleChoice": two_layers(1),
}
NOTE = "FLOPs count every block at full length, although each after the first sees half the tokens of the one before"


def funnel(config: Config) -> ModelSpec:
    """Funnel: an encoder that halves the sequence from block to block, and a decoder that brings it back."""
    top = top_of(config, FUNNEL_TOPS)
    below: Parts = {"embeddings.word_embeddings": Embedding(), "embeddings.layer_norm": Norm(kind="layernorm")}
    blocks = {}
    for index, (count, repeats) in enumerate(sizes(config)):
        blocks[f"repeated_{repeats}"] = Block(parts=funnel_layer(config, repeats))
        below[f"block_{index}"] = Stack(of=(Repeat(repeat=count, of=(f"repeated_{repeats}",)),),
                                        path="encoder.blocks.*")
    if top not in ("BaseModel", "SequenceClassification", "MultipleChoice"):
        layers = config.integer("num_decoder_layers")
        blocks["decoder"] = Block(parts=funnel_layer(config, 1))
        below["decoder.layers"] = Stack(of=(Repeat(repeat=layers, of=("decoder",)),))
    base = "" if top in ("Model", "BaseModel") else "funnel."
    below = {key: part if part.path is None else part.model_copy(update={"path": base + part.path})
             for key, part in below.items()}
    return assembled(config, base, below, FUNNEL_TOPS[top], blocks, (NOTE,))


ROWS: dict[str, Builder] = {"funnel": funnel, "xlnet": xlnet}
