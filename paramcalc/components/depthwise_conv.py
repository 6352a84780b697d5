"""A causal depthwise convolution over positions, by itself."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from paramcalc.components.base import Component, Size
from paramcalc.components.mamba import MIXER, convolution
from paramcalc.tree import Context, State, Tensor


class DepthwiseConv(Component):
    """Weight `(channels, 1, kernel)`; or, dynamic, `(kernel, channels)` and a projection that makes one more a head."""

    kind: Literal["depthwise_conv"] = "depthwise_conv"
    channels: Size | None = None
    """The residual width when not given."""
    kernel: Annotated[int, Field(ge=1, le=1024)]
    bias: bool = False
    dynamic_heads: Size | None = None
    """Heads for which a token makes its own weights, `(heads·kernel, hidden_size)`."""

    source: ClassVar[str] = "transformers InklingShortConvolution, Inkling2DynamicShortConvolution"

    def tensors(self, context: Context) -> list[Tensor]:
        """Weight and bias, or static weight and projection."""
        width = self.width(context)
        channels = self.channels or width
        if self.dynamic_heads is None:
            return convolution(self, channels, self.kernel, bias=self.bias, name="conv")
        rows = self.dynamic_heads * self.kernel
        return [self.vector("static", (self.kernel, channels), ("kernel", "kv_heads"), MIXER),
                self.vector("dynamic", (rows, width), ("kv_heads", "hidden"), MIXER, "matmul")]

    def states(self, context: Context) -> list[State]:
        """The last `kernel` inputs, in fp32 as the library keeps them."""
        shape = (self.channels or self.width(context), self.kernel)
        return [State("conv", shape, ("kv_heads", "kernel"), "sequence", dtype="float32", component=MIXER,
                      kind="state")]
