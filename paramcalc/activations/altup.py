"""What alternating updates keep for backward."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.activations.tape import tape
from paramcalc.components.altup import OTHER

if TYPE_CHECKING:
    from paramcalc.activations.forward import Forward
    from paramcalc.activations.saved import SavedActivation
    from paramcalc.activations.tape import Tape, Value
    from paramcalc.components.altup import AltUp


def altup(part: AltUp, run: Forward) -> list[SavedActivation]:
    """The router twice; of the prediction all streams and their coefficients; of the correction what is added to
    each stream, and how much of it."""
    t, streams = tape(run, OTHER), part.streams
    x = t.new((part.width(run.context),), ("hidden",))
    for name in ("predicted", "corrected"):
        _routed(part, t, x, name)
    coefficients = t.new((streams, streams), ("streams", "streams"))
    t.multiply(t.new((streams, *x.shape), ("streams", *x.axes)), coefficients, ("streams", "coefficients"))
    added = t.new((streams, *x.shape), ("streams", *x.axes))
    t.multiply(added, t.new((streams,), ("streams",)), ("correction", "shares"))
    if part.clipped and run.policy.library == "transformers":
        t.keep(t.new((streams, streams), ("streams", "streams"), "once"), "clipped coefficients")
    if part.scaled:
        t.keep(t.like(x), "corrected")
    return t.saved


def _routed(part: AltUp, t: Tape, x: Value, name: str) -> None:
    """The norm, what the router reads, its tanh in float32, and the coefficients' input."""
    t.linear(t.like(t.norm(t.like(x), "rmsnorm")), part.streams, "streams", f"router input, {name}",
             "modality_router")
    t.keep(t.new((part.streams,), ("streams",), dtype="float32"), f"tanh, {name}")
    t.keep(t.new((part.streams,), ("streams",)), f"modalities, {name}")
