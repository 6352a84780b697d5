"""Attention with a learned mask: Doge's dynamic mask attention."""

from __future__ import annotations

from typing import ClassVar, Literal

from paramcalc.axes import axis
from paramcalc.components.attention import Attention
from paramcalc.tree import Context, Tensor


class DynamicMaskAttention(Attention):
    """Attention that keeps, of a long sequence, the keys a score made from their values prefers.

    The reference multiplies all keys and masks the rest, so that its work is that of plain attention.
    """

    kind: Literal["dynamic_mask_attention"] = "dynamic_mask_attention"

    source: ClassVar[str] = "arXiv:2508.02124; transformers DogeAttention"

    def tensors(self, context: Context) -> list[Tensor]:
        """The projections, and for the score of a key a matrix `(num_kv_heads, num_kv_heads·head_dim)` and a scale."""
        heads, value = self.num_kv_heads or self.num_heads, self.v_head_dim or self.head_size(context)
        tensors = [*super().tensors(context), self.vector("A", (heads,), ("kv_heads",), "attention")]
        return tensors + self.linear("dt_proj", heads, heads * value, "attention",
                                   bias="v" in self.bias, axes=("one", axis("kv_heads", heads, value)))
