"""The matrix LSTM of xLSTM: exponential gates, a matrix memory and a normalizer a head."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import model_validator

from paramcalc.axes import Axis, Run, axis
from paramcalc.components.base import Component, Size
from paramcalc.components.delta_rule import recurrence
from paramcalc.components.mamba import MIXER
from paramcalc.components.problems import impossible
from paramcalc.errors import HEADS
from paramcalc.tree import Context, State, Tensor

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

    from paramcalc.tree import Work


class MatrixLstm(Component):
    """q, k `(qk_size, hidden_size)`, v and output gate `(v_size, hidden_size)`, an input and a forget gate a head."""

    kind: Literal["mlstm"] = "mlstm"
    num_heads: Size
    qk_size: Size
    """Of all heads together."""
    v_size: Size
    bias: bool = False
    layout: Literal["single", "fused"] = "single"
    """`fused`: q, k, v and the output gate are one matrix, both gates another."""

    source: ClassVar[str] = "arXiv:2405.04517; xLSTM 7B: arXiv:2503.13427; transformers xLSTMLayer"

    @model_validator(mode="after")
    def _possible(self) -> Self:
        for name, size in (("qk_size", self.qk_size), ("v_size", self.v_size)):
            if size % self.num_heads:
                raise impossible(f"{self.num_heads} does not divide {name} ({size})", "", "num_heads", HEADS, (name,))
        return self

    def tensors(self, context: Context) -> list[Tensor]:
        """Projections, gates (always with bias), a norm over each head, output."""
        width = self.width(context)
        tensors: list[Tensor] = []
        for name, out, bias, axis_name in self._projections():
            tensors += self.linear(name, out, width, MIXER, bias=bias, axes=(axis_name, "hidden"))
        heads_axis = axis("heads", self.num_heads, self.v_size // self.num_heads)
        tensors += self.norm("multihead_norm", self.v_size, bias=self.bias, axis=heads_axis)
        return tensors + self.linear("out_proj", width, self.v_size, MIXER, bias=self.bias, axes=("hidden", heads_axis))

    def _projections(self) -> list[tuple[str, int, bool, Axis]]:
        qk, v, heads = self.qk_size, self.v_size, self.num_heads
        keys, values, single = Run("heads", heads, qk // heads), Run("heads", heads, v // heads), axis("heads", heads)
        if self.layout == "fused":
            return [("qkv_opreact", 2 * qk + 2 * v, self.bias, Axis(keys, keys, values, values)),
                    ("ifgate_preact", 2 * heads, True, axis("heads", heads, 2))]
        return [("q", qk, self.bias, Axis(keys)), ("k", qk, self.bias, Axis(keys)), ("v", v, self.bias, Axis(values)),
                ("ogate_preact", v, self.bias, Axis(values)), ("igate_preact", heads, True, single),
                ("fgate_preact", heads, True, single)]

    def _matrix(self) -> tuple[int, int, int]:
        return self.num_heads, self.qk_size // self.num_heads, self.v_size // self.num_heads

    def states(self, context: Context) -> Iterable[State]:
        """The matrix memory, its normalizer and its stabilizer, a head."""
        heads, qk, _ = matrix = self._matrix()
        shapes = {"memory": matrix, "normalizer": (heads, qk), "stabilizer": (heads, 1)}
        return [State(name, shape, ("heads", "head_dim", "state")[:len(shape)], "sequence", component=MIXER,
                      kind="state") for name, shape in shapes.items()]

    def work(self, context: Context) -> Iterable[Work]:
        """The recurrence: decay, input and read-out, three multiply-adds for each value of the memory."""
        return [recurrence(self._matrix(), 3)]
