"""Mixture of attention heads: query and output projections are experts, keys and values are shared."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from paramcalc.axes import Axis, Run, axis
from paramcalc.components.base import Component, Size
from paramcalc.tree import Context, State, Tensor, Work

Experts = Annotated[int, Field(ge=1, le=2**16)]


class MoeAttention(Component):
    """kv `(2·kv_heads·head_dim, hidden_size)`; for each expert a query and an output matrix; a router over them."""

    kind: Literal["moe_attention"] = "moe_attention"
    num_kv_heads: Size
    head_dim: Size
    experts: Experts
    top_k: Experts

    source: ClassVar[str] = "arXiv:2404.07413; transformers JetMoeAttention, JetMoeMoA"

    def tensors(self, context: Context) -> list[Tensor]:
        """Shared keys and values, then the experts: all that is chosen counts as experts, as the router does."""
        width, keys = self.width(context), self.num_kv_heads * self.head_dim
        heads, run = axis("heads", self.num_kv_heads, self.head_dim), Run("kv_heads", self.num_kv_heads, self.head_dim)
        both = Axis(run, run)
        tensors = self.linear("kv_proj", 2 * keys, width, "attention", axes=(both, "hidden"))
        for name, shape, axes in (("experts.q_proj", (keys, width), (heads, "hidden")),
                                  ("experts.o_proj", (width, keys), ("hidden", heads))):
            tensors.append(Tensor(self.spell(name, "weight"), shape, axes, "matmul", "moe_experts", self.experts,
                                self.top_k, stacked=True))
        tensors.append(self.vector("experts.bias", (width,), ("hidden",), "moe_experts"))
        return tensors + self.linear("experts.router", self.experts, width, "moe_experts", axes=("router", "hidden"))

    def states(self, context: Context) -> list[State]:
        """Keys and values, shared by the experts."""
        key = State("k", (self.num_kv_heads, self.head_dim), ("kv_heads", "head_dim"))
        return [key, key._replace(name="v")]

    def work(self, context: Context) -> list[Work]:
        """Each expert chosen has as many query heads as there are key heads."""
        return [Work("scores", (self.top_k * self.num_kv_heads, 2 * self.head_dim), ("heads", "head_dim"), "attention")]
