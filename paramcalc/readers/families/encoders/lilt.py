"""LiLT: a BERT for words, and beside it a narrower one for where they stand; each adds its scores to the other's.

arXiv:2202.13669.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.embedding import Embedding
from paramcalc.components.linear import Linear, Score
from paramcalc.components.norm import Norm
from paramcalc.readers.families.encoder import Encoder, heads
from paramcalc.readers.families.encoders.documents import SIDES
from paramcalc.readers.families.encoders.heads import ROBERTA_TOPS

if TYPE_CHECKING:
    from paramcalc.components.base import Parts
    from paramcalc.readers.config.config import Config


def _narrow(config: Config, key: str = "hidden_size") -> int:
    """The width of what knows the layout."""
    narrow = config.integer(key) // config.integer("channel_shrink_ratio")
    if not narrow:
        raise config.error("channel_shrink_ratio", f"leaves nothing of {key}")
    return narrow


def _tables(config: Config) -> Parts:
    """A table for each side of a box, of a sixth of the width each; joined, they are projected."""
    width, narrow, at = config.integer("hidden_size"), _narrow(config), "layout_embeddings"
    parts: Parts = {f"{at}.{side}_position_embeddings": Embedding(
        rows=config.integer("max_2d_position_embeddings"), hidden_size=width // 6, component="position_embedding")
        for side in SIDES}
    return parts | {
        f"{at}.box_position_embeddings": Embedding(rows=config.integer("max_position_embeddings"), hidden_size=narrow,
                                                   component="position_embedding"),
        f"{at}.box_linear_embeddings": Linear(out_features=narrow, in_features=width, bias=True,
                                              component="other_embedding"),
        f"{at}.LayerNorm": Norm(kind="layernorm", hidden_size=narrow)}


def _layer(config: Config) -> Parts:
    """The narrow layer."""
    narrow, inner, count = _narrow(config), _narrow(config, "intermediate_size"), heads(config)
    norm = Norm(kind="layernorm", hidden_size=narrow)

    def dense(out: int, into: int, component: str = "ffn") -> Linear:
        return Linear.model_validate({"kind": "linear", "out_features": out, "in_features": into, "bias": True,
                                      "component": component})

    square = dense(narrow, narrow, "attention")
    return {**{f"attention.self.layout_{word}": square for word in ("query", "key", "value")},
            "layout_scores": Score(sizes=(2, count, max(1, narrow // count)), per="pair", causal=False,
                                   component="attention"),
            "attention.layout_output.dense": square, "attention.layout_output.LayerNorm": norm,
            "layout_intermediate.dense": dense(inner, narrow), "layout_output.dense": dense(narrow, inner),
            "layout_output.LayerNorm": norm}


ROWS = {"lilt": Encoder("lilt", tops=ROBERTA_TOPS, tables=_tables, further=_layer)}
