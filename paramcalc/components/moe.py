"""Mixture of experts: a router, experts of which a token visits `top_k`, experts every token visits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from paramcalc.components.base import Component, Count, Size
from paramcalc.components.ffn import FeedShape, feed_forward
from paramcalc.components.problems import too_many_chosen

if TYPE_CHECKING:
    from typing import Self

    from paramcalc.tree import Context, Tensor


class MixtureOfExperts(Component):
    """Router `(experts, hidden_size)`; each expert a feed-forward; a shared feed-forward beside them."""

    kind: Literal["moe"] = "moe"
    experts: Annotated[int, Field(ge=1, le=2**16)]
    top_k: Annotated[int, Field(ge=1, le=2**16)]
    intermediate_size: Size
    """Of one expert."""
    gated: bool = True
    bias: bool = False
    """Of the experts' projections."""
    router: bool = True
    """False where other parts of the layer choose the experts."""
    router_bias: bool = False
    router_rows: Size | None = None
    """What the router scores, where that is more than the experts (zero-computation experts)."""
    correction_bias: Literal["none", "buffer", "parameter"] = "none"
    """One value an expert that steers the choice: a buffer (DeepSeek-V3) or a frozen parameter (Ernie 4.5)."""
    correction_groups: Size | None = None
    """Leading dimension of that bias, where it has one (Ernie 4.5)."""
    shared_size: Count | None = None
    """Intermediate size of the feed-forward every token visits (n shared experts of size s: n·s); one of size 0 has
    no more than the bias of its result."""
    shared_gated: bool | None = None
    shared_bias: bool = False
    shared_fused: bool = False
    shared_gate: bool = False
    """A learned gate `(1, hidden_size)` on the shared output (Qwen2-MoE)."""
    latent_size: Size | None = None
    """Experts work in this width between a down and an up projection all of them share."""
    latent_bias: bool = False
    latent_component: Literal["other", "ffn"] = "other"
    """What both projections count as."""
    latent_norm: bool = False
    """An RMSNorm on the sum of the experts, before the up projection (Kimi K3)."""
    held_gate_up: Size | None = None
    """How many gate and up projections are held, where that is more than the experts: LongCat's class has them for
    its zero-computation experts too."""
    layout: Literal["experts", "stacked", "rows"] = "experts"
    """How files keep experts: one tensor for each (`experts.*.up_proj`), one array `[experts, in, out]`, or one matrix
    with their rows below each other (DBRX)."""
    fused: bool = False
    """Gate and up are one matrix."""
    stacked_transposed: bool = True
    """Stacked arrays are `[experts, in, out]`; False for `[experts, out, in]`."""

    source: ClassVar[str] = "arXiv:1701.06538; shared experts: arXiv:2401.06066; correction bias: arXiv:2412.19437"

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.top_k > self.experts:
            raise too_many_chosen(self.top_k, self.experts)
        return self

    def tensors(self, context: Context) -> list[Tensor]:
        """Weights of the router, the experts and the shared experts."""
        width = self.width(context)
        inner = self.latent_size or width
        tensors = self._router(width) if self.router else []
        if self.latent_size:
            for name, out, into, axes in (("latent_down", inner, width, ("latent", "hidden")),
                                          ("latent_up", width, inner, ("hidden", "latent"))):
                tensors += self.linear(name, out, into, self.latent_component, bias=self.latent_bias, axes=axes)
            tensors += self.norm("latent_norm", inner, axis="latent") if self.latent_norm else []
        tensors += self._separate(inner) if self.layout == "experts" else self._stacked(inner)
        return tensors + self._shared(width)

    def _router(self, width: int) -> list[Tensor]:
        rows = self.router_rows or self.experts
        tensors = self.linear("router", rows, width, "moe_router", bias=self.router_bias, axes=("router", "hidden"))
        if self.correction_bias != "none":
            shape, axes = ((rows,), ("router",)) if self.correction_groups is None else (
                (self.correction_groups, rows), ("one", "router"))
            tensors.append(self.vector("correction_bias", shape, axes, "moe_router", frozen=True, dtype="float32",
                                     buffer=self.correction_bias == "buffer"))
        return tensors

    def _separate(self, width: int) -> list[Tensor]:
        shape = FeedShape(self.gated, self.fused, self.bias, self.bias)
        tensors = feed_forward(self, width, self.intermediate_size, shape, "moe_experts", "experts.*.", self.experts,
                             self.top_k)
        if self.held_gate_up is None:
            return tensors
        return [t._replace(stored=self.held_gate_up) for t in tensors[:-1]] + tensors[-1:]

    def _stacked(self, width: int) -> list[Tensor]:
        flat = self.layout == "rows"
        shape = FeedShape(self.gated, self.fused, self.bias, self.bias, self.stacked_transposed and not flat)
        tensors = feed_forward(self, width, self.intermediate_size, shape, "moe_experts", "experts.", self.experts,
                             self.top_k)
        if flat:
            tensors[-1] = tensors[-1]._replace(shape=tensors[-1].shape[::-1], axes=tensors[-1].axes[::-1])
        return [t._replace(name=t.name.removesuffix(".weight").replace(".bias", "_bias"), stacked=True, flat=flat)
                for t in tensors]

    def _shared(self, width: int) -> list[Tensor]:
        tensors: list[Tensor] = []
        if self.shared_size:
            gated = self.gated if self.shared_gated is None else self.shared_gated
            shape = FeedShape(gated, self.shared_fused, self.shared_bias, self.shared_bias)
            tensors += feed_forward(self, width, self.shared_size, shape, "moe_shared", "shared_experts.")
        elif self.shared_size == 0 and self.shared_bias:
            tensors.append(self.vector("shared_experts.down_proj.bias", (width,), ("hidden",), "moe_shared"))
        if self.shared_gate:
            tensors += self.linear("shared_expert_gate", 1, width, "moe_shared", axes=("one", "hidden"))
        return tensors
