"""What feed-forwards keep for backward."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.activations.tape import tape
from paramcalc.axes import axis
from paramcalc.components.ffn import FeedShape

if TYPE_CHECKING:
    from paramcalc.activations.forward import Forward
    from paramcalc.activations.saved import SavedActivation
    from paramcalc.activations.tape import Tape, Value
    from paramcalc.components.ffn import FeedForward


def ffn(part: FeedForward, run: Forward) -> list[SavedActivation]:
    """Input, activation, product, and dropout's noise."""
    t = tape(run, part.component)
    shape = FeedShape(part.gated, part.fused, sparse=part.sparse)
    out = feed_forward(t, t.stream(part.width(run.context)), part.intermediate_size, shape)
    t.dropout(out, t.facts.hidden_dropout if t.facts.ffn_residual_dropout else 0, "output")
    return t.saved


def feed_forward(tape: Tape, value: Value, inner: int, shape: FeedShape, prefix: str = "") -> Value:
    """What a feed-forward on `value` keeps; gives what it gives."""
    joint = shape.gated and shape.fused
    name = "gate_up_proj" if joint else "gate_proj" if shape.gated else "up_proj"
    sides = 2 if joint else 1
    first = tape.linear(value, inner * sides, axis("ffn", inner, sides), weight=prefix + name)
    if shape.sparse:
        tape.keep(first, "gate before the cut")
        tape.keep(tape.new((*value.shape[:-1], 1), (*value.axes[:-1], "one"), value.per), "deviation")
        tape.keep(tape.new((1,), ("one",), "once"), "deviations above the mean")
        first = tape.like(first)
    hidden = tape.activation(first, tape.new((*value.shape[:-1], inner), (*value.axes[:-1], "ffn"), value.per),
                           gated=shape.gated)
    if shape.gated:
        up = first if joint else tape.linear(value, inner, "ffn", weight=f"{prefix}up_proj")
        hidden = tape.multiply(hidden, up, ("gate", "up"), tape.like(hidden))
    hidden = tape.dropout(hidden, tape.facts.ffn_dropout, "inner")
    return tape.linear(hidden, value.shape[-1], "hidden", "down input", f"{prefix}down_proj")
