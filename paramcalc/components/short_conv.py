"""Gated short convolution, the token mixer of LFM2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from paramcalc.axes import axis
from paramcalc.components.base import Component, Site
from paramcalc.components.mamba import convolution
from paramcalc.components.scans import MIXER, ScanTape
from paramcalc.tree import State, Tensor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from paramcalc.components.tape import Policy
    from paramcalc.tree import Saved


class ShortConv(Component):
    """`out(C · conv(B · x))`: a triple projection, a depthwise convolution of `conv_kernel`, an output projection."""

    kind: Literal["short_conv"] = "short_conv"
    conv_kernel: Annotated[int, Field(ge=1, le=1024)]
    bias: bool = False

    source: ClassVar[str] = "transformers Lfm2ShortConv"

    def tensors(self, site: Site) -> list[Tensor]:
        """Three projections in one, the convolution, the output."""
        width = self.width(site)
        found = self.linear("in_proj", 3 * width, width, MIXER, bias=self.bias,
                            axes=(axis("inner", width, 3), "hidden"))
        found += convolution(self, width, self.conv_kernel, bias=self.bias, name="conv")
        return found + self.linear("out_proj", width, width, MIXER, bias=self.bias, axes=("hidden", "inner"))

    def saved(self, site: Site, policy: Policy) -> list[Saved]:
        """Input, the triple projection, the convolution's input and output, their product with C."""
        t, width = ScanTape(site, policy, self.kind), self.width(site)
        inner = axis("inner", width)
        t.keep(t.linear(t.stream(width), 3 * width, axis("inner", width, 3), weight="in_proj"), "B, C and x")
        t.keep(t.new((width,), (inner,)), "convolution input")
        out = t.new((width,), (inner,)) if t.fused else t.padded(width, inner, self.conv_kernel)
        t.keep(out, "convolution output")
        t.linear(t.new((width,), (inner,)), width, "hidden", "output", "out_proj")
        return t.saved

    def states(self, site: Site) -> Iterable[State]:
        """The last `conv_kernel` inputs of the convolution."""
        return [State("conv", (self.width(site), self.conv_kernel), ("inner", "kernel"), "sequence",
                      component=MIXER, kind="state")]
