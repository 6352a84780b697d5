"""Gated short convolution, the token mixer of LFM2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from paramcalc.axes import axis
from paramcalc.components.base import Component
from paramcalc.components.mamba import MIXER, convolution
from paramcalc.tree import Context, State, Tensor

if TYPE_CHECKING:
    from collections.abc import Iterable



class ShortConv(Component):
    """`out(C · conv(B · x))`: a triple projection, a depthwise convolution of `conv_kernel`, an output projection."""

    kind: Literal["short_conv"] = "short_conv"
    conv_kernel: Annotated[int, Field(ge=1, le=1024)]
    bias: bool = False

    source: ClassVar[str] = "transformers Lfm2ShortConv"

    def tensors(self, context: Context) -> list[Tensor]:
        """Three projections in one, the convolution, the output."""
        width = self.width(context)
        tensors = self.linear("in_proj", 3 * width, width, MIXER, bias=self.bias,
                            axes=(axis("inner", width, 3), "hidden"))
        tensors += convolution(self, width, self.conv_kernel, bias=self.bias, name="conv")
        return tensors + self.linear("out_proj", width, width, MIXER, bias=self.bias, axes=("hidden", "inner"))

    def states(self, context: Context) -> Iterable[State]:
        """The last `conv_kernel` inputs of the convolution."""
        return [State("conv", (self.width(context), self.conv_kernel), ("inner", "kernel"), "sequence",
                      component=MIXER, kind="state")]
