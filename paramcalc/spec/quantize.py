"""How a specification says that weights are quantized."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from paramcalc.components.base import Strict


class QuantRule(Strict):
    """Tensors whose name fits are held in a format; the first rule that fits counts."""

    match: Annotated[str, Field(min_length=1, max_length=500)]
    """A glob over tensor names, `re:` and a regular expression, a module's name, or `*`: every linear layer."""
    format: Annotated[str, Field(min_length=1, max_length=100)]
    """A number format (`list formats`), or `keep`: the model's own dtype."""
    optional: bool = False
    """May match nothing."""
