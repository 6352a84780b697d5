"""BERTs for questions about spans and entities: Splinter, LUKE. arXiv:2101.00438, 2010.01057."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from paramcalc.components.embedding import Embedding
from paramcalc.components.linear import Linear, Parameter
from paramcalc.components.norm import Norm
from paramcalc.readers.families.encoder import Encoder
from paramcalc.readers.families.encoders.heads import (
    CHOSEN,
    LABELLED,
    ROBERTA_HEAD,
    SPANS,
    TAGGED,
    Tops,
)

if TYPE_CHECKING:
    from paramcalc.components.base import Parts
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.encoders.heads import Piece


def spans(config: Config) -> Parts:
    """Splinter's head: which span answers, by what the question token asks for."""
    parts: Parts = {}
    for name in ("query_start", "query_end", "start", "end"):
        at = f"splinter_qass.{name}_transform"
        parts |= {f"{at}.dense": Linear(bias=True), f"{at}.LayerNorm": Norm(kind="layernorm")}
    return parts | {f"splinter_qass.{name}_classifier": Linear() for name in ("start", "end")}


def entities(config: Config) -> Parts:
    """LUKE's tables of entities, which stand beside those of words."""
    width, narrow, at = config.integer("hidden_size"), config.integer("entity_emb_size"), "entity_embeddings"
    parts: Parts = {f"{at}.entity_embeddings": Embedding(rows=config.integer("entity_vocab_size"), hidden_size=narrow,
                                                         component="other_embedding")}
    if narrow != width:
        parts[f"{at}.entity_embedding_dense"] = Linear(in_features=narrow, component="other_embedding")
    return parts | {
        f"{at}.position_embeddings": Embedding(rows=config.integer("max_position_embeddings"),
                                               component="position_embedding"),
        f"{at}.token_type_embeddings": Embedding(rows=config.integer("type_vocab_size"), component="other_embedding"),
        f"{at}.LayerNorm": Norm(kind="layernorm")}


def queries(config: Config) -> Parts:
    """Queries apart for each pair of what asks and what is asked, if the config wants them."""
    if not config.flag("use_entity_aware_attention", default=True):
        return {}
    return {f"attention.self.{pair}_query": Linear(bias=True, component="attention") for pair in ("w2e", "e2w", "e2e")}


def entity_head(config: Config) -> Parts:
    """A score for each entity, by the table of entities."""
    narrow, at, rows = config.integer("entity_emb_size"), "entity_predictions", config.integer("entity_vocab_size")
    parts: Parts = {f"{at}.transform.dense": Linear(out_features=narrow, bias=True),
                    f"{at}.transform.LayerNorm": Norm(kind="layernorm", hidden_size=narrow),
                    f"{at}.bias": Parameter(shape=(rows,))}
    if not config.tied:
        parts[f"{at}.decoder"] = Linear(out_features=rows, in_features=narrow)
    return parts


def over(times: int, *, bias: bool = True) -> Piece:
    """Labels of several vectors beside each other."""

    def label(config: Config) -> Parts:
        width = times * config.integer("hidden_size")
        return {"classifier": Linear(out_features=config.labels, in_features=width, bias=bias, component="lm_head",
                                     per="sequence")}

    return label


LUKE: Tops = {
    "Model": ("pooler",), "MaskedLM": ("pooler", "head", entity_head), "EntityClassification": ("pooler", over(1)),
    "EntityPairClassification": ("pooler", over(2, bias=False)), "EntitySpanClassification": ("pooler", over(3)),
    "SequenceClassification": ("pooler", LABELLED), "TokenClassification": (TAGGED,), "QuestionAnswering": (SPANS,),
    "MultipleChoice": ("pooler", CHOSEN)}
SPLINTER: Tops = {"Model": (), "PreTraining": (spans,), "QuestionAnswering": (spans,)}

ROWS: dict[str, Encoder] = {
    "splinter": Encoder("splinter", tops=SPLINTER),
    "luke": Encoder("luke", head=replace(ROBERTA_HEAD, bias="", ties=False), tops=LUKE, tables=entities,
                    further=queries),
}
