"""RMSNorm and LayerNorm."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from paramcalc.components.base import Component, Size

if TYPE_CHECKING:
        from paramcalc.tree import Context, Tensor

NormKind = Literal["rmsnorm", "layernorm"]
NormBucket = Literal["norm", "lm_head", "vision", "projector", "pooler", "other"]


class Norm(Component):
    """A normalisation over the last axis: scale `(width,)`; LayerNorm has a shift `(width,)` unless `bias` is off."""

    kind: NormKind
    bias: bool | None = None
    """A learned shift; by default LayerNorm has one and RMSNorm does not."""
    scale: bool = True
    """False for the norm without learned values (OLMo 1)."""
    component: NormBucket = "norm"
    """What it counts with: a norm inside a prediction head is part of the head."""

    vectors: Size = 1
    """So many of each token's are normed, all with the same scale."""
    gate_rank: Size | None = None
    """A gate on the output, made from it through two matrices of this rank (A.X-K2)."""

    source: ClassVar[str] = "LayerNorm: arXiv:1607.06450; RMSNorm: arXiv:1910.07467"

    def tensors(self, context: Context) -> list[Tensor]:
        """The scale and the shift, vectors of the width that is normalized."""
        if not self.scale:
            return []
        bias = self.kind == "layernorm" if self.bias is None else self.bias
        if self.gate_rank is None:
            return self.norm("", self.width(context), bias=bias, component=self.component)
        width, rank = self.width(context), self.gate_rank
        return [*self.norm("norm", width, bias=bias, component=self.component),
                *self.linear("gate_down", rank, width, "ffn", axes=("latent", "hidden")),
                *self.linear("gate_up", width, rank, "ffn", axes=("hidden", "latent"))]
