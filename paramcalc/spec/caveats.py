"""Why a figure of a model is less than exact: said where a setting is read, so that every face can say it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from paramcalc.components.base import Strict

if TYPE_CHECKING:
    from collections.abc import Iterable

Figure = Literal["parameters", "weights", "cache", "flops"]
Certainty = Literal["exact", "estimate", "bound", "unknown"]
LEVELS: tuple[Certainty, ...] = ("exact", "estimate", "bound", "unknown")
"""From the best to the worst."""


class Caveat(Strict):
    """A figure, how it is known at best, and why: the key that was not understood is named in the reason."""

    figure: Figure
    known: Certainty
    reason: Annotated[str, Field(min_length=1, max_length=1000)]


def level_of(caveats: Iterable[Caveat], figure: Figure) -> Certainty:
    """How a figure is known: as the worst caveat on it says, `exact` where there is none."""
    return max((caveat.known for caveat in caveats if caveat.figure == figure), key=LEVELS.index, default="exact")
