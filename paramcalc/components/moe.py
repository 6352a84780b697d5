"""Mixture of experts: a router, experts of which a token visits `top_k`, experts every token visits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from paramcalc.components.base import Component, Count, Site, Size
from paramcalc.components.ffn import FeedShape, feed_forward, feed_forward_saved
from paramcalc.components.problems import impossible
from paramcalc.components.tape import tape
from paramcalc.errors import TOP_K

if TYPE_CHECKING:
    from typing import Self

    from paramcalc.components.tape import Policy, Tape, Value
    from paramcalc.tree import Saved, Tensor


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
    """Intermediate size of the feed-forward every token visits (n shared experts of size s: n·s)."""
    shared_gated: bool | None = None
    shared_bias: bool = False
    shared_fused: bool = False
    shared_gate: bool = False
    """A learned gate `(1, hidden_size)` on the shared output (Qwen2-MoE)."""
    latent_size: Size | None = None
    """Experts work in this width between a down and an up projection all of them share."""
    latent_bias: bool = False
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
            raise impossible(f"top_k {self.top_k} is more than the {self.experts} experts",
                             f"use a top_k of at most {self.experts}", "top_k", TOP_K, ("experts",))
        return self

    def tensors(self, site: Site) -> list[Tensor]:
        """Router, experts, shared."""
        width = self.width(site)
        inner = self.latent_size or width
        found = self._router(width) if self.router else []
        if self.latent_size:
            found += self.linear("latent_down", inner, width, "other", bias=self.latent_bias, axes=("latent", "hidden"))
            found += self.linear("latent_up", width, inner, "other", bias=self.latent_bias, axes=("hidden", "latent"))
        found += self._separate(inner) if self.layout == "experts" else self._stacked(inner)
        return found + self._shared(width)

    def saved(self, site: Site, policy: Policy) -> list[Saved]:
        """Router, then a copy of each token for each of its experts, sorted by expert (grouped products)."""
        t = tape(site, policy, "moe_experts")
        x = t.stream(self.width(site))
        if self.router:
            self._routed(t, x)
        if t.how.every_expert and policy.library == "transformers":
            return self._all_experts(t, x)
        inner = x if not self.latent_size else t.linear(x, self.latent_size, "latent", weight="latent_down")
        chosen = t.new((self.top_k, *inner.shape), ("chosen", *inner.axes))
        places = self._places(t)
        out = self._experts(t, chosen)
        t.multiply(out, places, ("expert output", "expert weights"))
        if self.latent_size:
            t.linear(t.new((self.latent_size,), ("latent",)), self.width(site), "hidden", "latent output", "latent_up")
        if self.shared_size:
            self._shared_saved(t, x)
        return t.saved

    def _all_experts(self, t: Tape, x: Value) -> list[Saved]:
        """Each expert reads each token, times the expert's weight for it."""
        axes = ("experts", *x.axes)
        read = t.multiply(t.new((self.experts, *x.shape), axes), t.new((self.experts, 1), ("experts", "one")),
                          ("tokens", "expert weights"))
        feed_forward_saved(t, read, self.intermediate_size, FeedShape(self.gated, fused=True), "experts.")
        if self.shared_size:
            self._shared_saved(t, x)
        return t.saved

    def _sparse_mixer(self, t: Tape, rows: int) -> None:
        """For each of the choices a softmax over those left, its mask, the choice, the best one and the weight."""
        for _ in range(self.top_k):
            t.keep(t.new((rows,), ("router",)), "router scores")
            t.keep(t.new((rows,), ("router",), dtype="bool"), "experts left out")
            for name in ("expert chosen", "best expert"):
                t.keep(t.new((1,), ("one",), dtype="int64"), name)
            t.keep(t.new((1,), ("one",)), "score chosen")

    def _grouped(self, t: Tape, rows: int) -> None:
        """Groups are chosen before experts."""
        how = t.how
        if how.router_groups:
            best = t.new((how.router_groups, how.router_group_best), ("groups", "one"), dtype="int64")
            t.keep(best, "best of groups")
            t.keep(t.new((how.router_top_groups,), ("groups",), dtype="int64"), "groups chosen")
            t.keep(t.new((rows,), ("router",), dtype="bool"), "experts left out")

    def _routed(self, t: Tape, x: Value) -> None:
        rows = self.router_rows or self.experts
        if t.how.router_normed and t.policy.library == "transformers":
            x = t.norm(x, "rmsnorm", scale=False)
            t.keep(x, "router normed")
            x = t.like(x)
            t.keep(t.new((self.top_k,), ("chosen",), dtype="float32"), "weights times factors")
            t.keep(t.new((self.top_k,), ("chosen",)), "factors")
        wide = t.to(x, "float32") if t.how.router_float else x
        logits = t.linear(wide, rows, "router", "router input", "router")
        if t.policy.library == "megatron":
            return
        if t.how.router_float and wide is not x:
            t.keep(t.new((rows, *x.shape), ("router", *x.axes), "once", "float32"), "router weight")
        if t.how.router == "sparsemixer":
            self._sparse_mixer(t, rows)
            return
        if t.how.router != "topk_softmax":
            t.keep(t.to(logits, "float32") if t.how.router_scores == "float" else t.like(logits), "router scores")
        self._grouped(t, rows)
        t.keep(t.new((self.top_k,), ("chosen",), dtype="int64"), "experts chosen")
        dtype = None if t.how.router_scores == "model" else "float32"
        if t.how.router != "softmax":
            t.keep(t.new((self.top_k,), ("chosen",), dtype=dtype), "scores chosen")
        if t.how.router in ("normalized", "sigmoid"):
            for name in ("sum of scores", *(("clamped sum",) if t.how.router_clamped else ())):
                t.keep(t.new((1,), ("one",), dtype=dtype), name)

    def _places(self, t: Tape) -> Value:
        """Indices that sort tokens by expert and back, and the weight of each."""
        if t.policy.library != "megatron":
            for name in ("order", "weights' order", "order back", *(("experts of biases",) if self.bias else ())):
                t.keep(t.new((self.top_k,), ("chosen",), dtype="int64"), name)
            t.keep(t.new((self.experts,), ("experts",), "once", "int32"), "ends of groups")
        return t.new((self.top_k, 1), ("chosen", "one"), dtype="float32" if t.how.router_weights == "float" else None)

    def _experts(self, t: Tape, chosen: Value) -> Value:
        prefix = "experts.*." if self.layout == "experts" else "experts."
        if not t.how.clamped_experts:
            shape = FeedShape(self.gated, self.fused or t.weights is None)
            return feed_forward_saved(t, chosen, self.intermediate_size, shape, prefix)
        joint = t.linear(chosen, 2 * self.intermediate_size, "ffn", weight=f"{prefix}gate_up_proj")
        t.keep(joint, "clamp input")
        size, axes = (*chosen.shape[:-1], self.intermediate_size), (*chosen.axes[:-1], "ffn")
        gate, opened, glu, up, made = (t.new(size, axes) for _ in range(5))
        t.multiply(gate, opened, ("clamped gate", "sigmoid"))
        t.multiply(up, glu, ("up", "glu"))
        return t.linear(made, chosen.shape[-1], "hidden", "down input", f"{prefix}down_proj")

    def _shared_saved(self, t: Tape, x: Value) -> None:
        gated = self.gated if self.shared_gated is None else self.shared_gated
        out = feed_forward_saved(t, x, self.shared_size or 0, FeedShape(gated, self.shared_fused), "shared_experts.")
        if self.shared_gate:
            t.multiply(t.new((1,), ("one",)), out, ("shared gate", "shared output"))

    def _router(self, width: int) -> list[Tensor]:
        rows = self.router_rows or self.experts
        found = self.linear("router", rows, width, "moe_router", bias=self.router_bias, axes=("router", "hidden"))
        if self.correction_bias != "none":
            shape, axes = ((rows,), ("router",)) if self.correction_groups is None else (
                (self.correction_groups, rows), ("one", "router"))
            found.append(self.vector("correction_bias", shape, axes, "moe_router", frozen=True, dtype="float32",
                                     buffer=self.correction_bias == "buffer"))
        return found

    def _separate(self, width: int) -> list[Tensor]:
        shape = FeedShape(self.gated, self.fused, self.bias, self.bias)
        found = feed_forward(self, width, self.intermediate_size, shape, "moe_experts", "experts.*.", self.experts,
                             self.top_k)
        if self.held_gate_up is None:
            return found
        return [t._replace(stored=self.held_gate_up) for t in found[:-1]] + found[-1:]

    def _stacked(self, width: int) -> list[Tensor]:
        flat = self.layout == "rows"
        shape = FeedShape(self.gated, self.fused, self.bias, self.bias, self.stacked_transposed and not flat)
        found = feed_forward(self, width, self.intermediate_size, shape, "moe_experts", "experts.", self.experts,
                             self.top_k)
        if flat:
            found[-1] = found[-1]._replace(shape=found[-1].shape[::-1], axes=found[-1].axes[::-1])
        return [t._replace(name=t.name.removesuffix(".weight").replace(".bias", "_bias"), stacked=True, flat=flat)
                for t in found]

    def _shared(self, width: int) -> list[Tensor]:
        found: list[Tensor] = []
        if self.shared_size:
            gated = self.gated if self.shared_gated is None else self.shared_gated
            shape = FeedShape(gated, self.shared_fused, self.shared_bias, self.shared_bias)
            found += feed_forward(self, width, self.shared_size, shape, "moe_shared", "shared_experts.")
        if self.shared_gate:
            found += self.linear("shared_expert_gate", 1, width, "moe_shared", axes=("one", "hidden"))
        return found
