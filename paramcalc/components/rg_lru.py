"""The recurrent block of Griffin: a gated branch with a short convolution and a linear recurrence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from paramcalc.components.base import Component, Size
from paramcalc.components.mamba import MIXER, convolution
from paramcalc.tree import Context, State, Tensor, Work

if TYPE_CHECKING:
    from collections.abc import Iterable



class RecurrentBlock(Component):
    """Two branches to `lru_width`, one through a convolution and the RG-LRU whose gates are block-diagonal."""

    kind: Literal["rg_lru"] = "rg_lru"
    lru_width: Size
    num_heads: Size
    """Blocks of the gates' matrices: `(num_heads, lru_width/num_heads, lru_width/num_heads)`, rounded down as in the
    class: a model whose blocks do not make up the width can be counted, not run."""
    conv_kernel: Annotated[int, Field(ge=1, le=1024)] = 4

    source: ClassVar[str] = "arXiv:2402.19427 section 2.4; transformers RecurrentGemmaRecurrentBlock"

    def tensors(self, context: Context) -> list[Tensor]:
        """Branches, convolution, recurrence, output; all with biases."""
        width, inner, heads = self.width(context), self.lru_width, self.num_heads
        tensors = self.linear("linear_y", inner, width, MIXER, bias=True, axes=("inner", "hidden"))
        tensors += self.linear("linear_x", inner, width, MIXER, bias=True, axes=("inner", "hidden"))
        tensors += self.linear("linear_out", width, inner, MIXER, bias=True, axes=("hidden", "inner"))
        tensors += convolution(self, inner, self.conv_kernel, bias=True, name="conv_1d")
        tensors.append(self.vector("rg_lru.recurrent_param", (inner,), ("inner",), MIXER))
        part = inner // heads
        for gate in ("input_gate", "recurrent_gate"):
            tensors.append(self.vector(f"rg_lru.{gate}_weight", (heads, part, part), ("heads", "one", "one"), MIXER,
                                     "matmul"))
            tensors.append(self.vector(f"rg_lru.{gate}_bias", (heads, part), ("heads", "one"), MIXER))
        return tensors

    def states(self, context: Context) -> Iterable[State]:
        """The last `conv_kernel - 1` inputs of the convolution and one value a channel in float32."""
        return [State("conv", (self.lru_width, self.conv_kernel - 1), ("inner", "reach"), "sequence",
                      component=MIXER, kind="state"),
                State("recurrent", (self.lru_width,), ("inner",), "sequence", dtype="float32", component=MIXER,
                      kind="state")]

    def work(self, context: Context) -> Iterable[Work]:
        """The recurrence: decay and input, two multiply-adds a channel."""
        return [Work("scan", (2, self.lru_width), ("one", "inner"), MIXER, "token", fused=True)]
