"""What a stack of layers keeps beside its layers, and of layers that are computed again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.activations.tape import tape

if TYPE_CHECKING:
    from paramcalc.activations.forward import Forward
    from paramcalc.activations.saved import SavedActivation
    from paramcalc.components.stack import Stack


def layers(part: Stack, run: Forward) -> list[SavedActivation]:
    """Noise of a dropout on what the stack gives."""
    t = tape(run, "other")
    t.dropout(t.new((part.width(run.context),), ("hidden",)), t.facts.final_dropout, "final")
    return t.saved


def checkpoint(run: Forward, layers: int) -> list[SavedActivation]:
    """What is kept of layers that are computed again: their inputs, the first as the embedding gives it."""
    t = tape(run, "other")
    several = (t.facts.streams,) if t.facts.streams > 1 else ()
    first = t.new((*several, run.context.hidden_size), (*("streams",) * len(several), "hidden"))
    t.keep(first, "layer input")
    t.keep(t.to(first, "float32") if t.facts.float_stream else first, "layer input")
    *rest, last = t.saved
    return [*(leaf._replace(used=1) for leaf in rest), last._replace(used=layers - len(rest))]
