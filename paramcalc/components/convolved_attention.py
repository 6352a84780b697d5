"""Compressed convolutional attention: queries and keys convolved over time, half of each value from the last token."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from paramcalc.axes import Axis, Run, axis
from paramcalc.components.base import Component, Size
from paramcalc.components.problems import uneven_heads
from paramcalc.tree import Context, State, Tensor, Work

Kernel = Annotated[int, Field(ge=1, le=1024)]


class ConvolvedAttention(Component):
    """q `(num_heads·head_dim, hidden_size)`, k with `num_kv_heads`, two halves of v; a depthwise and a grouped
    convolution over queries and keys; one temperature a key head."""

    kind: Literal["convolved_attention"] = "convolved_attention"
    num_heads: Size
    num_kv_heads: Size
    head_dim: Size
    depthwise_kernel: Kernel
    grouped_kernel: Kernel
    bias: bool = False
    """Of the projections; the convolutions always have one."""
    window: Annotated[int, Field(ge=1, le=2**30)] | None = None

    source: ClassVar[str] = "arXiv:2510.04476; transformers ZayaAttention, ZayaCCAProjection"

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.num_heads % self.num_kv_heads:
            raise uneven_heads(self.num_heads, self.num_kv_heads)
        return self

    def tensors(self, context: Context) -> list[Tensor]:
        """Weights of the projections, convolutions, temperatures and the output."""
        width, head = self.width(context), self.head_dim
        heads, kv_heads = axis("heads", self.num_heads, head), axis("kv_heads", self.num_kv_heads, head)
        queries, keys = self.num_heads * head, self.num_kv_heads * head
        tensors = self._project("q_proj", queries, width, heads) + self._project("k_proj", keys, width, kv_heads)
        for half in ("v_proj_current", "v_proj_delayed"):
            tensors += self._project(half, keys // 2, width, "kv_heads")
        tensors += self._convolution("conv_qk_depthwise", queries + keys, 1, self.depthwise_kernel)
        tensors += self._convolution("conv_qk_grouped", queries + keys, head, self.grouped_kernel)
        tensors.append(self.vector("temperature", (self.num_kv_heads,), ("kv_heads",), "norm"))
        return tensors + self.linear("o_proj", width, queries, "attention", bias=self.bias, axes=("hidden", heads))

    def _project(self, name: str, out: int, width: int, name_of_rows: str) -> list[Tensor]:
        return self.linear(name, out, width, "attention", bias=self.bias, axes=(name_of_rows, "hidden"))

    def _convolution(self, name: str, channels: int, group: int, kernel: int) -> list[Tensor]:
        weight = self.spell(name, "weight")
        joined = self._joined()
        return [Tensor(weight, (channels, group, kernel), (joined, "head_dim", "kernel"), "conv", "attention"),
                self.vector(f"{name}.bias", (channels,), (joined,), "attention")]

    def _joined(self) -> Axis:
        return Axis(Run("heads", self.num_heads, self.head_dim), Run("kv_heads", self.num_kv_heads, self.head_dim))

    def states(self, context: Context) -> list[State]:
        """Keys and values of what can be seen, the columns the convolutions reach back to, the last delayed value."""
        channels = (self.num_heads + self.num_kv_heads) * self.head_dim
        key = State("k", (self.num_kv_heads, self.head_dim), ("kv_heads", "head_dim"), window=self.window)
        reach = self.depthwise_kernel + self.grouped_kernel - 2
        return [key, key._replace(name="v"),
                State("conv", (channels, reach), (self._joined(), "reach"), "sequence", kind="state"),
                State("delayed_v", (self.num_kv_heads * self.head_dim // 2,), ("kv_heads",), "sequence", kind="state")]

    def work(self, context: Context) -> list[Work]:
        """Scores and their weighted sum."""
        return [Work("scores", (self.num_heads, 2 * self.head_dim), ("heads", "head_dim"), "attention",
                     window=self.window)]
