"""What a gated short convolution keeps for backward."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.activations.scans import ScanTape
from paramcalc.axes import axis

if TYPE_CHECKING:
    from paramcalc.activations.forward import Forward
    from paramcalc.activations.saved import SavedActivation
    from paramcalc.components.short_conv import ShortConv


def short_conv(part: ShortConv, run: Forward) -> list[SavedActivation]:
    """Input, the triple projection, the convolution's input and output, their product with C."""
    t, width = ScanTape(run, part.kind), part.width(run.context)
    inner = axis("inner", width)
    t.keep(t.linear(t.stream(width), 3 * width, axis("inner", width, 3), weight="in_proj"), "B, C and x")
    t.keep(t.new((width,), (inner,)), "convolution input")
    out = t.new((width,), (inner,)) if t.fused else t.padded(width, inner, part.conv_kernel)
    t.keep(out, "convolution output")
    t.linear(t.new((width,), (inner,)), width, "hidden", "output", "out_proj")
    return t.saved
