"""What convolutions keep for backward."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.activations.tape import tape

if TYPE_CHECKING:
    from paramcalc.activations.forward import Forward
    from paramcalc.activations.saved import SavedActivation
    from paramcalc.components.convolution import Convolution


def convolution(part: Convolution, run: Forward) -> list[SavedActivation]:
    """The input, unless it is the model's own, and what an activation on the output keeps."""
    t = tape(run, part.component)
    if not run.entry:
        t.linear(t.new((part.in_channels * (part.inputs or part.outputs),), ("hidden",), "patch"), 1, "out",
                 weight="kernel")
    if part.activated:
        out = t.new((part.out_channels * part.outputs,), ("out",), "patch")
        t.activation(out, t.like(out), gated=False)
    return t.saved
