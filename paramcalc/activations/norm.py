"""What norms keep for backward."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.activations.forward import UnknownActivationsError
from paramcalc.activations.tape import tape

if TYPE_CHECKING:
    from paramcalc.activations.forward import Forward
    from paramcalc.activations.saved import SavedActivation
    from paramcalc.components.norm import Norm


def norm(part: Norm, run: Forward) -> list[SavedActivation]:
    """The input or a copy of it, statistics, and what the scale multiplies. Raises UnknownActivationsError for one with
    a gate."""
    if part.gate_rank is not None:
        raise UnknownActivationsError(part.kind)
    t = tape(run, part.component)
    x = t.stream(part.width(run.context))
    if part.vectors > 1:
        x = t.new((part.vectors, *x.shape), ("one", *x.axes))
    in_float = t.facts.float_stream and not run.layer
    t.norm(t.to(x, "float32") if in_float else x, part.kind, scale=part.scale)
    return t.saved
