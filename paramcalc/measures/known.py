"""How a figure is known, from what was read of the model.

`exact`: an integer that follows from the model alone. `estimate`: rests on assumptions the answer names. `bound`: a
lower bound, since something of the model is not counted. `unknown`: there is no number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from paramcalc.spec.model import ModelSpec

Known = Literal["exact", "estimate", "bound", "unknown"]
ORDER: tuple[Known, ...] = ("exact", "estimate", "bound", "unknown")
"""From the best known to the least."""


def sizes_known(spec: ModelSpec) -> Known:
    """How the sizes of a model are known: a lower bound where a part of it is not counted."""
    return "bound" if spec.uncounted else "exact"


def least(*known: Known) -> Known:
    """How a figure made of several is known: as its least known part."""
    return max(known, key=ORDER.index, default="exact")


def of_model(spec: ModelSpec, known: Known) -> Known:
    """How a figure of a model is known that would be `known` if the model were read whole."""
    return least(sizes_known(spec), known)
