"""Alternating updates: a residual stream several times as wide, of which one part goes through each layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from paramcalc.components.base import Component, Site
from paramcalc.components.tape import tape
from paramcalc.tree import Tensor, Work

if TYPE_CHECKING:
    from collections.abc import Iterable

    from paramcalc.components.tape import Policy, Tape, Value
    from paramcalc.tree import Saved

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

    def tensors(self, site: Site) -> list[Tensor]:
        """Output scale, coefficients, the router (asked before and after the layer) and its norm."""
        width, streams = self.width(site), self.streams
        found = [self.vector("correct_output_scale", (width,), ("hidden",), OTHER)]
        found += self.linear("correction_coefs", streams, streams, OTHER, axes=("streams", "streams"))
        found += self.linear("prediction_coefs", streams * streams, streams, OTHER, axes=("streams", "streams"))
        found += self.linear("modality_router", streams, width, OTHER, axes=("streams", "hidden"), used=2)
        return found + self.norm("router_norm", width)

    def saved(self, site: Site, policy: Policy) -> list[Saved]:
        """The router twice; of the prediction all streams and their coefficients; of the correction what is added to
        each stream, and how much of it."""
        t, streams = tape(site, policy, OTHER), self.streams
        x = t.new((self.width(site),), ("hidden",))
        for name in ("predicted", "corrected"):
            self._routed(t, x, name)
        coefficients = t.new((streams, streams), ("streams", "streams"))
        t.multiply(t.new((streams, *x.shape), ("streams", *x.axes)), coefficients, ("streams", "coefficients"))
        added = t.new((streams, *x.shape), ("streams", *x.axes))
        t.multiply(added, t.new((streams,), ("streams",)), ("correction", "shares"))
        if self.clipped and policy.library == "transformers":
            t.keep(t.new((streams, streams), ("streams", "streams"), "once"), "clipped coefficients")
        if self.scaled:
            t.keep(t.like(x), "corrected")
        return t.saved

    def _routed(self, t: Tape, x: Value, name: str) -> None:
        """The norm, what the router reads, its tanh in float32, and the coefficients' input."""
        t.linear(t.like(t.norm(t.like(x), "rmsnorm")), self.streams, "streams", f"router input, {name}",
                 "modality_router")
        t.keep(t.new((self.streams,), ("streams",), dtype="float32"), f"tanh, {name}")
        t.keep(t.new((self.streams,), ("streams",)), f"modalities, {name}")

    def work(self, site: Site) -> Iterable[Work]:
        """The prediction: every stream from every stream."""
        return [Work("predict", (self.streams, self.streams, self.width(site)), ("streams", "streams", "hidden"), OTHER,
                     "token")]
