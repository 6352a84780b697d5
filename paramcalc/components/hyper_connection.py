"""Hyper-connections: several residual streams, mixed before and after each part of a layer."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from paramcalc.components.base import Component
from paramcalc.tree import Context, Tensor, Work

Weights = Literal["pre", "pre_post", "pre_post_mix"]


class HyperConnection(Component):
    """From all streams, `fn (weights, streams·hidden_size)` makes what reads, writes and mixes them."""

    kind: Literal["hyper_connection"] = "hyper_connection"
    streams: Annotated[int, Field(ge=1, le=1024)]
    weights: Weights = "pre_post_mix"
    """pre: only what is read (where the streams end); post: what is written; mix: a matrix over the streams."""

    source: ClassVar[str] = "arXiv:2409.19606; arXiv:2512.24880; transformers DeepseekV4HyperConnection"

    def _rows(self) -> int:
        return {"pre": 1, "pre_post": 2, "pre_post_mix": 2 + self.streams}[self.weights] * self.streams

    def tensors(self, context: Context) -> list[Tensor]:
        """The map, its shift, and one scale for each kind of weight."""
        scales = {"pre": 1, "pre_post": 2, "pre_post_mix": 3}[self.weights]
        return [
            self.vector("fn", (self._rows(), self.streams * self.width(context)), ("rows", "hidden"), "other",
                        "matmul"),
            self.vector("base", (self._rows(),), ("rows",), "other"),
            self.vector("scale", (scales,), ("one",), "other"),
        ]

    def work(self, context: Context) -> list[Work]:
        """What mixes the streams: a `(streams, streams)` matrix of each token."""
        if self.weights != "pre_post_mix":
            return []
        shape = (self.streams, self.streams, self.width(context))
        return [Work("mix", shape, ("one", "one", "hidden"), "other", "token")]
