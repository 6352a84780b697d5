"""XLM and FlauBERT: lists of attentions, feed-forwards and norms side by side. Source: arXiv:1901.07291."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import QKVO, Attention
from paramcalc.components.embedding import Embedding
from paramcalc.components.ffn import FeedForward
from paramcalc.components.linear import Head, Linear
from paramcalc.components.norm import Norm
from paramcalc.readers.families.encoder import heads
from paramcalc.readers.families.encoders.heads import SPANS, TAGGED, SpanAnswers, Tops, top_of
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from paramcalc.components.base import Parts
    from paramcalc.readers.config.config import Builder, Config


def head(config: Config) -> Parts:
    """A projection to tokens; the adaptive softmax, whose clusters are of several widths, is refused."""
    if config.flag("asm"):
        raise config.error("asm", "the adaptive softmax is not described", "set asm to false")
    return {"pred_layer.proj": Head(tied=config.tied, bias=True)}


def summary(config: Config) -> Parts:
    """The projection of what stands for a whole sequence."""
    if not config.flag("summary_use_proj"):
        return {}
    out = config.labels if config.flag("summary_proj_to_labels") else config.integer("hidden_size")
    return {"sequence_summary.summary": Linear(out_features=out, bias=True, component="other", per="sequence")}


def chosen(config: Config) -> Parts:
    """One score for each choice."""
    return {"logits_proj": Linear(in_features=config.labels, out_features=1, bias=True, component="other",
                                  per="sequence")}


TOPS: Tops = {
    "Model": (), "CausalLM": (head,), "TokenClassification": (TAGGED,), "QuestionAnsweringSimple": (SPANS,),
    "SequenceClassification": (summary,), "MultipleChoice": (summary, chosen),
    "QuestionAnswering": (SpanAnswers("qa_outputs.", "lm_head"),),
}


def xlm(config: Config) -> ModelSpec:
    """XLM or FlauBERT: the norms' places differ, their tensors do not."""
    top = top_of(config, TOPS, silent="CausalLM")
    base = "" if top == "Model" else "transformer."
    modules = {base + key: part for key, part in encoder(config).items()}
    for piece in TOPS[top]:
        if callable(piece):
            modules |= piece(config)
    return ModelSpec(hidden_size=config.integer("hidden_size"), vocab_size=config.integer("vocab_size"),
                     modules=modules)


def encoder(config: Config) -> Parts:
    """Tables and layers; each list of the class is one entry with as many copies as there are layers."""
    width, layers = config.integer("hidden_size"), config.layers
    parts: Parts = {
        "position_embeddings": Embedding(rows=config.integer("max_position_embeddings"),
                                         component="position_embedding"),
        "embeddings": Embedding(),
        "layer_norm_emb": Norm(kind="layernorm"),
        "attentions.*": Attention(num_heads=heads(config), bias=QKVO, causal=config.flag("causal"),
                                  copies=layers, names={"q_proj": "q_lin", "k_proj": "k_lin", "v_proj": "v_lin",
                                                        "o_proj": "out_lin"}),
        "layer_norm1.*": Norm(kind="layernorm", copies=layers),
        "ffns.*": FeedForward(intermediate_size=4 * width, gated=False, bias=True, copies=layers,
                              names={"up_proj": "lin1", "down_proj": "lin2"}),
        "layer_norm2.*": Norm(kind="layernorm", copies=layers),
    }
    languages = config.integer("n_langs")
    if languages > 1 and config.flag("use_lang_emb"):
        parts["lang_embeddings"] = Embedding(rows=languages, component="other_embedding")
    return parts


ROWS: dict[str, Builder] = {"flaubert": xlm, "xlm": xlm}
