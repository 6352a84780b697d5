"""Convolutions over time or an image, patch embeddings among them, and the norm by running statistics they go with."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from paramcalc.component_names import ComponentName
from paramcalc.components.base import Component, Listed, Size
from paramcalc.components.problems import divisors, impossible
from paramcalc.tree import Context, Tensor

if TYPE_CHECKING:
    from typing import Self


class Convolution(Component):
    """A kernel `(out_channels, in_channels / groups, *kernel)` that slides over time or an image."""

    kind: Literal["convolution"] = "convolution"
    out_channels: Size
    in_channels: Size
    kernel: Listed[Size] = Field(max_length=3)
    groups: Size = 1
    """Channels fall into so many groups, none of which sees another; as many as channels are a depthwise one."""
    bias: bool = True
    transposed: bool = False
    """It spreads its input out: stored `(in_channels, out_channels / groups, *kernel)`."""
    outputs: Size = 1
    """Places it computes for each of those the tower runs over."""
    inputs: Size | None = None
    """Places it reads for each of those; as many as it computes when not given."""
    stage: Annotated[int, Field(ge=0, le=64)] = 0
    """Which of the first convolutions over a recording it is, from 1: what those leave of it is known, where `outputs`
    only says it of whole positions."""
    activated: bool = False
    """The model's activation function follows."""
    component: ComponentName = "other"

    source: ClassVar[str] = "torch.nn.Conv1d, Conv2d, Conv3d"

    @model_validator(mode="after")
    def _possible(self) -> Self:
        for field in ("out_channels", "in_channels"):
            channels = getattr(self, field)
            if channels % self.groups:
                raise impossible(f"{self.groups} does not divide {field} ({channels})", f"use {divisors(channels)}",
                                 "groups")
        return self

    def tensors(self, context: Context) -> list[Tensor]:
        """The kernel `(out_channels, in_channels / groups, *kernel)` and the bias."""
        out, into = self.out_channels, self.in_channels // self.groups
        if self.transposed:
            out, into = self.in_channels, self.out_channels // self.groups
        space = tuple(f"kernel{place}" for place in range(len(self.kernel)))
        kernel = Tensor(self.spell("weight"), (out, into, *self.kernel), ("out", "hidden", *space), "matmul",
                        self.component, used=self.outputs, part="kernel", per="patch", stage=self.stage)
        if not self.bias:
            return [kernel]
        return [kernel, Tensor(self.spell("bias"), (self.out_channels,), ("out",), "vector", self.component)]

    def columns(self) -> int:
        """Values of the input that one output is made of."""
        return self.in_channels // self.groups * prod(self.kernel)


class BatchNorm(Component):
    """Scale and shift by running statistics of each channel, which are buffers."""

    kind: Literal["batchnorm"] = "batchnorm"
    statistics: bool = True
    """False where it is saved without running statistics: they are frozen into the scale."""
    scale: bool = True
    activated: bool = False
    """The model's activation function follows."""
    component: ComponentName = "norm"

    source: ClassVar[str] = "arXiv:1502.03167; torch.nn.BatchNorm2d"

    def tensors(self, context: Context) -> list[Tensor]:
        """Scale and shift; mean, variance and the number of batches they were taken over."""
        width = self.width(context)
        tensors = [Tensor(self.spell(name), (width,), ("hidden",), "vector", self.component)
                   for name in ("weight", "bias") if self.scale]
        if not self.statistics:
            return tensors
        return tensors + [Tensor(self.spell(name), shape, ("hidden",) * len(shape), "vector", self.component,
                                 buffer=True)
                          for name, shape in (("running_mean", (width,)), ("running_var", (width,)),
                                              ("num_batches_tracked", ()))]
