"""What the recurrent block of Griffin keeps for backward."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.activations.scans import FLOAT, ScanTape
from paramcalc.activations.tape import Value

if TYPE_CHECKING:
    from paramcalc.activations.forward import Forward
    from paramcalc.activations.saved import SavedActivation
    from paramcalc.components.rg_lru import RecurrentBlock


def rg_lru(part: RecurrentBlock, run: Forward) -> list[SavedActivation]:
    """Both branches, the gates, the recurrence token by token in float32, output: no kernel does it."""
    t, size = ScanTape(run, part.kind), (part.lru_width,)
    if run.policy.recompute == "full":
        t.keep(t.new((1,), ("one",), "position", "int64", "positions", argument=True), "positions")
        return t.saved
    source = t.stream(part.width(run.context))
    first = t.linear(source, part.lru_width, "inner", weight="linear_y")
    t.linear(source, part.lru_width, "inner", weight="linear_x")
    y = t.activation(first, t.new(size, ("inner",)), gated=False)
    t.keep(t.new(size, ("inner",)), "convolution input")
    convolved = t.padded(part.lru_width, "inner", part.conv_kernel)
    t.keep(convolved, "convolution output")
    if run.policy.batch > 1:
        t.keep(t.new(size, ("inner",)), "gates' input")
    _gates(part, t)
    t.keep(t.new(size, ("inner",), dtype=FLOAT), "states")
    each = Value(size, ("inner",), dtype=FLOAT, more=-1) if t.narrow else t.new(size, ("inner",))
    t.keep(each, "gate of a token")
    x = t.multiply(t.new(size, ("inner",)), y, ("recurrence", "y branch"))
    t.linear(x, part.width(run.context), "hidden", "output", "linear_out")
    return t.saved


def _gates(part: RecurrentBlock, t: ScanTape) -> None:
    """Sigmoids, decay and its square, what normalizes the input, and which positions do not start anew."""
    for name in ("input gate", "recurrent gate", "recurrent gate scaled", "decay", "decay squared",
                 "one less decay squared", "gated input", "multiplier"):
        t.keep(t.new((part.lru_width,), ("inner",)), name)
    t.keep(t.new((part.lru_width,), ("inner",), "once"), "softplus")
    for name in ("goes on", "goes on in the scan"):
        t.keep(t.new((1,), ("one",), "position", "bool"), name)
