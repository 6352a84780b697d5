"""Very many experts of one neuron each, found by product keys, beside a feed-forward every token visits."""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from paramcalc.components.base import Component, Rows, Size
from paramcalc.components.ffn import FeedShape, feed_forward
from paramcalc.components.problems import too_many_chosen

if TYPE_CHECKING:
    from typing import Self

    from paramcalc.tree import Context, Tensor


class RetrievedExperts(Component):
    """A gated feed-forward; a router `(2·⌊√experts⌋, hidden_size)`; two tables `(experts, hidden_size)` of which a
    token reads `top_k` rows."""

    kind: Literal["retrieved_experts"] = "retrieved_experts"
    experts: Rows
    top_k: Annotated[int, Field(ge=1, le=2**16)]
    intermediate_size: Size
    bias: bool = False
    """Of the feed-forward."""

    source: ClassVar[str] = "arXiv:2407.04153; transformers DogeCDMoE"

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.top_k > self.experts:
            raise too_many_chosen(self.top_k, self.experts)
        return self

    def tensors(self, context: Context) -> list[Tensor]:
        """Weights of the feed-forward and the router, and the tables of experts."""
        width = self.width(context)
        shape = FeedShape(bias=self.bias, down_bias=self.bias)
        tensors = feed_forward(self, width, self.intermediate_size, shape, "ffn")
        tensors += self.linear("router_gate", 2 * isqrt(self.experts), width, "moe_router", axes=("router", "hidden"))
        return tensors + [
            self.vector(f"{name}.weight", (width,), ("hidden",), "ffn", "matmul", stored=self.experts, used=self.top_k)
            ._replace(stacked=True) for name in ("down_embed", "up_embed")
        ]
