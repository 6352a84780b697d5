"""Differential attention: two attentions over the same values, of which one is taken from the other."""

from __future__ import annotations

from typing import ClassVar, Literal

from paramcalc.components.attention import Attention
from paramcalc.components.base import Site
from paramcalc.tree import Tensor, Work


class DifferentialAttention(Attention):
    """Attention whose heads are pairs: each half of a pair weighs the values of both, one is taken from the other by a
    factor made from four learned vectors `(head_dim,)`."""

    kind: Literal["differential_attention"] = "differential_attention"

    source: ClassVar[str] = "arXiv:2410.05258; transformers DiffLlamaAttention"

    def tensors(self, site: Site) -> list[Tensor]:
        """The projections and the four vectors. The norm over a pair's output has no learned values."""
        width = (self._head_dim(site),)
        names = ("lambda_q1", "lambda_k1", "lambda_q2", "lambda_k2")
        return super().tensors(site) + [self.vector(name, width, ("head_dim",), "attention") for name in names]

    def work(self, site: Site) -> list[Work]:
        """Plain attention twice: the reference makes the scores anew for each half of the values."""
        return [score._replace(shape=(2, *score.shape), axes=("halves", *score.axes)) for score in super().work(site)]
