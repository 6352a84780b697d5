"""How a specification says that weights are quantized."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from paramcalc.components.base import Listed, Strict

Match = Annotated[str, Field(min_length=1, max_length=500)]
MOST_NAMES = 2**16
Kind = Literal["linear", "conv1d", "experts", "towers", "head", "embedding", "router"]
"""Kinds of matrices quantizers tell apart; experts are linear layers too, GPT-2's turned ones (`Conv1D`) are not."""
KEEP = "keep"
"""The format of tensors that stay in the dtype of the model."""


class QuantRule(Strict):
    """Tensors whose name fits are held in a format; the first rule that fits counts."""

    match: Match | Annotated[tuple[Match, ...], Field(min_length=1, max_length=MOST_NAMES, strict=False)]
    """A glob over tensor names, `re:` and a regular expression, `name:` and a whole name, a module's name, or `*`:
    every linear layer. A list fits where one of it does."""
    format: Annotated[str, Field(min_length=1, max_length=100)]
    """A number format (`list formats`), or `keep`: the model's own dtype."""
    optional: bool = False
    """May match nothing, and leaves alone what does not divide into the format's groups."""
    among: Listed[Kind] = ()
    """Kinds of matrices it may take: by a name any, by `*` linear layers and experts."""
    untied: bool = False
    """A tied matrix it takes is stored once more in this format, beside the one it shares."""
