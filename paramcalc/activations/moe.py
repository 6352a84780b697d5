"""What a mixture of experts keeps for backward: the routing, then each expert's feed-forward on its tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.activations.ffn import feed_forward
from paramcalc.activations.tape import tape
from paramcalc.axes import axis
from paramcalc.components.ffn import FeedShape

if TYPE_CHECKING:
    from paramcalc.activations.forward import Forward
    from paramcalc.activations.saved import SavedActivation
    from paramcalc.activations.tape import Tape, Value
    from paramcalc.components.moe import MixtureOfExperts


def moe(part: MixtureOfExperts, run: Forward) -> list[SavedActivation]:
    """Router, then a copy of each token for each of its experts, sorted by expert (grouped products)."""
    t = tape(run, "moe_experts")
    x = t.stream(part.width(run.context))
    if part.router:
        _routed(part, t, x)
    if t.facts.every_expert and run.policy.library == "transformers":
        return _all_experts(part, t, x)
    inner = x if not part.latent_size else t.linear(x, part.latent_size, "latent", weight="latent_down")
    routed_inputs = t.new((part.top_k, *inner.shape), ("chosen", *inner.axes))
    places = _places(part, t)
    out = _experts(part, t, routed_inputs)
    t.multiply(out, places, ("expert output", "expert weights"))
    if part.latent_size:
        narrow = t.new((part.latent_size,), ("latent",))
        t.linear(narrow, part.width(run.context), "hidden", "latent output", "latent_up")
    if part.shared_size:
        _shared_saved(part, t, x)
    return t.saved


def _all_experts(part: MixtureOfExperts, t: Tape, x: Value) -> list[SavedActivation]:
    """Each expert reads each token, times the expert's weight for it."""
    axes = ("experts", *x.axes)
    read = t.multiply(t.new((part.experts, *x.shape), axes), t.new((part.experts, 1), ("experts", "one")),
                      ("tokens", "expert weights"))
    feed_forward(t, read, part.intermediate_size, FeedShape(part.gated, fused=True), "experts.")
    if part.shared_size:
        _shared_saved(part, t, x)
    return t.saved


def _sparse_mixer(part: MixtureOfExperts, t: Tape, rows: int) -> None:
    """For each of the choices a softmax over those left, its mask, the choice, the best one and the weight."""
    for _ in range(part.top_k):
        t.keep(t.new((rows,), ("router",)), "router scores")
        t.keep(t.new((rows,), ("router",), dtype="bool"), "experts left out")
        for name in ("expert chosen", "best expert"):
            t.keep(t.new((1,), ("one",), dtype="int64"), name)
        t.keep(t.new((1,), ("one",)), "score chosen")


def _grouped(part: MixtureOfExperts, t: Tape, rows: int) -> None:
    """Groups are chosen before experts."""
    facts = t.facts
    if facts.router_groups:
        best = t.new((facts.router_groups, facts.router_group_best), ("router", "one"), dtype="int64")
        t.keep(best, "best of groups")
        t.keep(t.new((facts.router_top_groups,), ("router",), dtype="int64"), "groups chosen")
        t.keep(t.new((rows,), ("router",), dtype="bool"), "experts left out")


def _routed(part: MixtureOfExperts, t: Tape, x: Value) -> None:
    rows = part.router_rows or part.experts
    if t.facts.router_normed and t.policy.library == "transformers":
        x = t.norm(x, "rmsnorm", scale=False)
        t.keep(x, "router normed")
        x = t.like(x)
        t.keep(t.new((part.top_k,), ("chosen",), dtype="float32"), "weights times factors")
        t.keep(t.new((part.top_k,), ("chosen",)), "factors")
    router_input = t.to(x, "float32") if t.facts.router_float else x
    logits = t.linear(router_input, rows, "router", "router input", "router")
    if t.policy.library == "megatron":
        return
    if t.facts.router_float and router_input is not x:
        t.keep(t.new((rows, *x.shape), ("router", *x.axes), "once", "float32"), "router weight")
    if t.facts.router == "sparsemixer":
        _sparse_mixer(part, t, rows)
        return
    if t.facts.router != "topk_softmax":
        t.keep(t.to(logits, "float32") if t.facts.router_scores == "float" else t.like(logits), "router scores")
    _grouped(part, t, rows)
    t.keep(t.new((part.top_k,), ("chosen",), dtype="int64"), "experts chosen")
    dtype = None if t.facts.router_scores == "model" else "float32"
    if t.facts.router != "softmax":
        t.keep(t.new((part.top_k,), ("chosen",), dtype=dtype), "scores chosen")
    if t.facts.router in ("normalized", "sigmoid"):
        for name in ("sum of scores", *(("clamped sum",) if t.facts.router_clamped else ())):
            t.keep(t.new((1,), ("one",), dtype=dtype), name)


def _places(part: MixtureOfExperts, t: Tape) -> Value:
    """Indices that sort tokens by expert and back, and the weight of each."""
    if t.policy.library != "megatron":
        for name in ("order", "weights' order", "order back", *(("experts of biases",) if part.bias else ())):
            t.keep(t.new((part.top_k,), ("chosen",), dtype="int64"), name)
        t.keep(t.new((part.experts,), ("experts",), "once", "int32"), "ends of groups")
    return t.new((part.top_k, 1), ("chosen", "one"), dtype="float32" if t.facts.router_weights == "float" else None)


def _experts(part: MixtureOfExperts, t: Tape, chosen: Value) -> Value:
    prefix = "experts.*." if part.layout == "experts" else "experts."
    if not t.facts.clamped_experts:
        shape = FeedShape(part.gated, part.fused or t.weights is None)
        return feed_forward(t, chosen, part.intermediate_size, shape, prefix)
    inner = part.intermediate_size
    joint = t.linear(chosen, 2 * inner, axis("ffn", inner, 2), weight=f"{prefix}gate_up_proj")
    t.keep(joint, "clamp input")
    size, axes = (*chosen.shape[:-1], inner), (*chosen.axes[:-1], "ffn")
    gate, opened, glu, up, product = (t.new(size, axes) for _ in range(5))
    t.multiply(gate, opened, ("clamped gate", "sigmoid"))
    t.multiply(up, glu, ("up", "glu"))
    return t.linear(product, chosen.shape[-1], "hidden", "down input", f"{prefix}down_proj")


def _shared_saved(part: MixtureOfExperts, t: Tape, x: Value) -> None:
    gated = part.gated if part.shared_gated is None else part.shared_gated
    out = feed_forward(t, x, part.shared_size or 0, FeedShape(gated, part.shared_fused), "shared_experts.")
    if part.shared_gate:
        t.multiply(t.new((1,), ("one",)), out, ("shared gate", "shared output"))
