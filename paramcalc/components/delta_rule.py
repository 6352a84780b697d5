"""Gated delta-rule attention: a matrix state a head, decayed and corrected at each token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from paramcalc.axes import Axis, Run, axis
from paramcalc.components.base import Component, Site, Size
from paramcalc.components.mamba import MIXER, convolution
from paramcalc.tree import State, Tensor, Work

if TYPE_CHECKING:
    from collections.abc import Iterable


class GatedDelta(Component):
    """`key_heads` heads of `key_dim`, `value_heads` heads of `value_dim`, short convolution, gated norm."""

    kind: Literal["gated_delta"] = "gated_delta"
    key_heads: Size
    value_heads: Size
    key_dim: Size
    value_dim: Size
    conv_kernel: Annotated[int, Field(ge=1, le=1024)] = 4
    fused: bool = True
    """Projections are `in_proj_qkvz` and `in_proj_ba` (Qwen3-Next), else qkv, z, b and a apart (Qwen3.5)."""

    source: ClassVar[str] = "arXiv:2412.06464; transformers Qwen3NextGatedDeltaNet"

    def _channels(self) -> int:
        return 2 * self.key_heads * self.key_dim + self.value_heads * self.value_dim

    def _channel_axis(self, values: int = 1) -> Axis:
        """q, k and v, and with `values` of 2 the gate z beside them."""
        return Axis(Run("heads", self.key_heads, 2 * self.key_dim),
                    Run("heads", self.value_heads, values * self.value_dim))

    def tensors(self, site: Site) -> list[Tensor]:
        """Input projections, convolution, decay, gated norm, output."""
        width, heads, values = self.width(site), self.value_heads, self.value_heads * self.value_dim
        found = [self.vector("dt_bias", (heads,), ("heads",), MIXER), self.vector("A_log", (heads,), ("heads",), MIXER)]
        found += convolution(self, self._channels(), self.conv_kernel, bias=False, axis=self._channel_axis())
        gate = axis("heads", heads, self.value_dim)
        parts = ([("in_proj_qkvz", self._channels() + values, self._channel_axis(2)),
                  ("in_proj_ba", 2 * heads, axis("heads", heads, 2))] if self.fused else
                 [("in_proj_qkv", self._channels(), self._channel_axis()), ("in_proj_z", values, gate),
                  ("in_proj_b", heads, "heads"), ("in_proj_a", heads, "heads")])
        for name, out, named in parts:
            found += self.linear(name, out, width, MIXER, axes=(named, "hidden"))
        found += self.norm("norm", self.value_dim, axis="head_dim")
        return found + self.linear("out_proj", width, values, MIXER, axes=("hidden", gate))

    def states(self, site: Site) -> Iterable[State]:
        """The last `conv_kernel` inputs of the convolution and one `(key_dim, value_dim)` matrix a value head."""
        return [State("conv", (self._channels(), self.conv_kernel), (self._channel_axis(), "kernel"), "sequence",
                      component=MIXER, kind="state"),
                State("delta", (self.value_heads, self.key_dim, self.value_dim), ("heads", "head_dim", "state"),
                      "sequence", dtype="float32", component=MIXER, kind="state")]

    def work(self, site: Site) -> Iterable[Work]:
        """The recurrence: read, correct, decay and query, four multiply-adds for each state value."""
        return [Work("scan", (4, self.value_heads, self.key_dim, self.value_dim), ("one", "heads", "head_dim", "state"),
                     MIXER, "token", fused=True)]
