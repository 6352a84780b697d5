"""Differential attention: two attentions over the same values, of which one is taken from the other."""

from __future__ import annotations

from typing import ClassVar, Literal

from paramcalc.components.attention import Attention
from paramcalc.tree import Context, Tensor, Work


class DifferentialAttention(Attention):
    """Attention whose heads are pairs: each half of a pair weighs the values of both, one is taken from the other by a
    factor made from four learned vectors `(head_dim,)`."""

    kind: Literal["differential_attention"] = "differential_attention"

    source: ClassVar[str] = "arXiv:2410.05258; transformers DiffLlamaAttention"

    def tensors(self, context: Context) -> list[Tensor]:
        """The projections and the four vectors. The norm over a pair's output has no learned values."""
        width = (self.head_size(context),)
        names = ("lambda_q1", "lambda_k1", "lambda_q2", "lambda_k2")
        return super().tensors(context) + [self.vector(name, width, ("head_dim",), "attention") for name in names]

    def work(self, context: Context) -> list[Work]:
        """Plain attention twice: the reference makes the scores anew for each half of the values."""
        return [score._replace(shape=(2, *score.shape), axes=("halves", *score.axes))
                for score in super().work(context)]
