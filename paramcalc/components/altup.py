"""Alternating updates: a residual stream several times as wide, of which one part goes through each layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from paramcalc.components.base import Component
from paramcalc.tree import Context, Tensor, Work

if TYPE_CHECKING:
    from collections.abc import Iterable


OTHER = "other"


class AltUp(Component):
    """`streams` residual streams: a router `(streams, hidden_size)` mixes coefficients that predict all of them before
    the layer, and correct all of them after it."""

    kind: Literal["altup"] = "altup"
    streams: Annotated[int, Field(ge=1, le=1024)]
    clipped: bool = False
    """Coefficients of the correction are clipped, which copies them."""
    scaled: bool = False
    """The corrected stream is scaled before the layer's own embedding is added."""

    source: ClassVar[str] = "arXiv:2301.13310; transformers Gemma3nTextAltUp"

    def tensors(self, context: Context) -> list[Tensor]:
        """Output scale, coefficients, the router (asked before and after the layer) and its norm."""
        width, streams = self.width(context), self.streams
        tensors = [self.vector("correct_output_scale", (width,), ("hidden",), OTHER)]
        tensors += self.linear("correction_coefs", streams, streams, OTHER, axes=("streams", "streams"))
        tensors += self.linear("prediction_coefs", streams * streams, streams, OTHER, axes=("streams", "streams"))
        tensors += self.linear("modality_router", streams, width, OTHER, axes=("streams", "hidden"), used=2)
        return tensors + self.norm("router_norm", width)

    def work(self, context: Context) -> Iterable[Work]:
        """The prediction: every stream from every stream."""
        width = self.width(context)
        return [Work("predict", (self.streams, self.streams, width), ("streams", "streams", "hidden"), OTHER, "token")]
