"""What a model does that no count depends on, but the memory of training does: dropout, and how experts are chosen."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from paramcalc.components.base import Strict

Probability = Annotated[float, Field(ge=0, lt=1)]



class Dropout(Strict):
    """Probabilities, zero where not given."""

    attention: Probability = 0.0
    """On the attention weights."""
    hidden: Probability = 0.0
    """On what attention and feed-forward give, before the residual sum."""
    ffn: Probability = 0.0
    """Between the two projections of a feed-forward."""
    embedding: Probability = 0.0
    """On the token vectors."""
    final: Probability = 0.0
    """On what a stack of layers gives (T5)."""


class Routing(Strict):
    """How the experts of a token are chosen and weighted, where the config of a family leaves that open."""

    scoring_func: Literal["softmax", "sigmoid"] = "softmax"
    norm_topk_prob: bool = False
    """The weights of the chosen experts are divided by their sum."""
    n_group: Annotated[int, Field(ge=0, lt=2**16)] = 0
    """Experts stand in so many groups, of which the router first chooses `topk_group`."""
    topk_group: Annotated[int, Field(ge=0, lt=2**16)] = 0
