"""How a figure is known, from what was read of the model: the one place that decides it.

`exact`: an integer that follows from the model alone. `estimate`: rests on assumptions the answer names. `bound`: a
lower bound, since something of the model is not counted or not understood. `unknown`: there is no number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.spec.caveats import LEVELS, Figure, Known
from paramcalc.spec.caveats import known as known_of

if TYPE_CHECKING:
    from paramcalc.spec.model import ModelSpec

__all__ = ["Known", "least", "of_model", "sizes_known"]


def sizes_known(spec: ModelSpec) -> Known:
    """How the sizes of a model are known: a lower bound where a part of it is not counted, or where a key that could
    change a size is not understood."""
    return "bound" if spec.uncounted or spec.unread else known_of(spec.caveats, "parameters")


def least(*known: Known) -> Known:
    """How a figure made of several is known: as its least known part."""
    return max(known, key=LEVELS.index, default="exact")


def of_model(spec: ModelSpec, figure: Figure = "parameters", known: Known = "exact") -> Known:
    """How a figure of a model is known that would be `known` if the model were read whole."""
    return least(sizes_known(spec), known_of(spec.caveats, figure), known)
