"""What convolutions, and the norms by batch that go with them, keep for backward."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from paramcalc.activations.tape import tape

if TYPE_CHECKING:
    from paramcalc.activations.forward import Forward
    from paramcalc.activations.saved import SavedActivation
    from paramcalc.components.convolution import BatchNorm, Convolution


def convolution(part: Convolution, run: Forward) -> list[SavedActivation]:
    """The input, unless it is the model's own, and what an activation on the output keeps."""
    t = tape(run, part.component)
    places = prod(part.kernel) if run.entry else part.inputs or part.outputs
    if not run.entry or t.facts.copied_input:
        t.linear(t.new((part.in_channels * places,), ("hidden",), "patch"), 1, "out", weight="kernel")
    if part.activated:
        out = t.new((part.out_channels * part.outputs,), ("out",), "patch")
        t.activation(out, t.like(out), gated=False)
    return t.saved


def batchnorm(part: BatchNorm, run: Forward) -> list[SavedActivation]:
    """The input, mean and inverse deviation of each channel in float32, and what an activation on the output keeps."""
    t = tape(run, part.component)
    width = part.width(run.context)
    read = t.new((width,), ("hidden",), "patch")
    t.keep(read, "batchnorm input")
    t.keep(t.new((2, width), ("statistics", "hidden"), "once", "float32"), "batchnorm statistics")
    if part.activated:
        t.activation(t.like(read), t.like(read), gated=False)
    return t.saved
