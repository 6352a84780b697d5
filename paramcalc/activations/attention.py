"""What attention with separate keys and values keeps for backward, and the differential kind."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from paramcalc.activations.scores import Heads, attend
from paramcalc.activations.tape import tape
from paramcalc.axes import axis

if TYPE_CHECKING:
    from paramcalc.activations.forward import Forward
    from paramcalc.activations.saved import SavedActivation, SavedPer
    from paramcalc.activations.tape import Tape, Value
    from paramcalc.components.attention import Attention
    from paramcalc.components.differential import DifferentialAttention


def attention(part: Attention, run: Forward) -> list[SavedActivation]:
    """Input, norms of queries and keys, the core, the output's input, and dropout's noise."""
    t = tape(run, "attention")
    if run.policy.recompute in ("full", "per-op"):
        _arguments(part, t)
    if run.policy.recompute == "full":
        return t.saved
    head, width = part.head_size(run.context), part.width(run.context)
    x = t.stream(width)
    q, k, v = _projected(part, t, x, head)
    q, k, v = _positioned(part, t, q, k, v, head, rotary=run.rotary and not part.cross)
    context = attend(t, q, k, v, _heads(part, t, head))
    if part.output_gate != "none":
        each = 1 if part.output_gate == "head" else part.v_head_dim or head
        named = axis("heads", part.num_heads, each)
        if part.output_gate != "query" and part.fused != "gqkv":
            t.linear(x, part.num_heads * each, named, weight="gate")
        context = t.multiply(context, t.new((part.num_heads * each,), (named,)), ("context", "gate"))
    if t.facts.normed_context:
        context = t.like(context)
    if part.output:
        out = t.linear(context, part.output_size or width, "hidden", "output", "o_proj")
        t.dropout(out, t.facts.hidden_dropout if t.facts.attention_residual_dropout else 0, "output")
    return t.saved


def _picked(part: Attention, t: Tape) -> bool:
    """Whether fewer keys and values than queries are picked out of the joint projection (Falcon)."""
    return t.facts.picked_kv and (part.num_kv_heads == 1 or part.cache_heads is not None)


def _broadcast(part: Attention, t: Tape) -> bool:
    """Whether the one of multi-query attention is never expanded."""
    return _picked(part, t) and part.cache_heads is None


def _heads(part: Attention, t: Tape, head: int) -> Heads:
    return Heads(part.num_heads, part.num_kv_heads or part.num_heads, head, part.v_head_dim or head, part.cross,
                 part.causal, part.sinks, broadcast=_broadcast(part, t),
                 window=None if part.causal else part.chunk)


def _arguments(part: Attention, t: Tape) -> None:
    """What a layer is handed beside the residual stream."""
    if t.facts.relative_bias and not t.facts.layer_bias:
        name = "cross bias" if part.cross else "bias"
        per: SavedPer = "position_source" if part.cross else "position_pair"
        t.keep(t.new((part.num_heads,), ("heads",), per, shared=name, argument=True), name)
    if t.facts.embedding_argument:
        t.keep(t.new((t.width,), ("hidden",), shared="embeddings", argument=True), "embeddings")
    if part.cross:
        t.keep(_source(part, t), "encoder output")
    elif t.facts.mask_argument and part.causal and t.policy.attention == "eager":
        t.keep(t.new((1,), ("one",), "pair", shared="mask", argument=True), "mask")


def _source(part: Attention, t: Tape) -> Value:
    return t.new((part.source_size or t.width,), ("hidden",), "source", shared="encoder output", argument=True)


def _projected(part: Attention, t: Tape, x: Value, head: int) -> tuple[Value, Value, Value]:
    """q, k and v; views of one storage where one matrix makes them."""
    v_head, kv_heads = part.v_head_dim or head, part.num_kv_heads or part.num_heads
    query_dim = head * (2 if part.output_gate == "query" else 1)
    if not part.projected:
        return _own(part, t, "heads", head), _own(part, t, "kv_heads", head), _own(part, t, "kv_heads", v_head)
    if part.fused in ("qkv", "gqkv"):
        joined = part.joined(head)
        joint = t.linear(x, sum(run.units * run.size for run in joined.runs), joined, weight=f"{part.fused}_proj")
        if t.facts.own_qkv and part.num_heads > t.facts.own_qkv_above:
            return _own(part, t, "heads", head), _own(part, t, "kv_heads", head), _own(part, t, "kv_heads", v_head)
        if _picked(part, t):
            for name in ("place of the key", "place of the value"):
                t.keep(t.new((1,), ("one",), "once", "int64"), name)
        if _broadcast(part, t):
            k, v = (t.new((kv_heads * size,), (axis("kv_heads", kv_heads, size),)) for size in (head, v_head))
            return joint, k, v
        return joint, joint, joint
    q = t.linear(x, part.num_heads * query_dim, axis("heads", part.num_heads, query_dim), weight="q_proj")
    source = _source(part, t) if part.cross else x

    def projected(name: str, size: int) -> Value:
        of = axis("kv_heads", kv_heads, size)
        if part.shares_kv:
            return replace(t.new((kv_heads * size,), (of,), source.per), elsewhere=True)
        return t.linear(source, kv_heads * size, of, "source", f"{name}_proj")

    if part.fused == "kv":
        both = projected("kv", head + v_head)
        return q, both, both
    key = projected("k", head)
    return q, key, key if part.value == "key" else projected("v", v_head)


def _own(part: Attention, t: Tape, named: str, size: int) -> Value:
    heads = part.num_heads if named == "heads" else part.num_kv_heads or part.num_heads
    return t.new((heads * size,), (axis(named, heads, size),))


def _positioned(part: Attention, t: Tape, q: Value, k: Value, v: Value, head: int, *, rotary: bool,
                ) -> tuple[Value, Value, Value]:
    """Queries and keys normed and rotated, each a tensor of its own after it."""
    kv_heads = part.num_kv_heads or part.num_heads
    if part.qk_norm != "none":
        kind = "layernorm" if part.qk_norm_bias or t.facts.qk_layer_norm else "rmsnorm"
        full, each = part.qk_norm == "full", part.qk_norm == "heads"
        q = t.norm(q, kind, (part.num_heads * head,) if full else (part.num_heads, head), scale_per_head=each)
        if not part.shares_kv:
            k = t.norm(k, kind, (kv_heads * head,) if full else (kv_heads, head), scale_per_head=each)
    if t.facts.value_norm and not part.shares_kv:
        v = t.norm(v, "rmsnorm", (kv_heads, part.v_head_dim or head), scale=False)
    if rotary:
        windowed = part.window is not None
        q = t.rotate((part.num_heads, head), head, windowed=windowed, like=q)
        if not part.shares_kv:
            k = t.rotate((kv_heads, head), head, windowed=windowed, like=k, axis="kv_heads")
    if t.facts.qk_l2_norm == "all" or (t.facts.qk_l2_norm == "chunked" and part.chunk is not None):
        q, k = t.l2_norm(q, (part.num_heads, head)), t.l2_norm(k, (kv_heads, head))
    if t.facts.temperature == "all" or (t.facts.temperature == "unchunked" and part.chunk is None):
        t.keep(t.new((1,), ("one",), "position", None if t.facts.temperature == "all" else "float32"), "temperature")
    if t.facts.scaled_query and not rotary:
        q = t.new((part.num_heads, head), ("heads", "head_dim"))
    return q, k, v


def differential_attention(part: DifferentialAttention, run: Forward) -> list[SavedActivation]:
    """Tensors that differential attention saves: those of attention, for each half of the values; both results, the
    factor, and the norm of a pair."""
    t = tape(run, "attention")
    if run.policy.recompute == "full":
        return []
    head, width = part.head_size(run.context), part.width(run.context)
    values, kv_heads = part.v_head_dim or head, part.num_kv_heads or part.num_heads
    q, k, v = _positioned(part, t, *_projected(part, t, t.stream(width), head), head, rotary=run.rotary)
    for _ in range(2):
        v = t.new((kv_heads, values), ("kv_heads", "head_dim"))
        attend(t, q, k, v, _heads(part, t, head))
    t.keep(t.new((part.num_heads, 2 * values), ("heads", "head_dim")), "both contexts")
    if run.policy.library == "transformers":
        for name, dtype in (("first factor", "float32"), ("second factor", "float32"), ("factor", None)):
            t.keep(t.new((1,), ("one",), "once", dtype), name)
        t.norm(t.new((part.num_heads, values), ("heads", "head_dim")), "rmsnorm",
               (part.num_heads // 2, 2 * values), scale=False)
    context = t.new((part.num_heads * values,), (axis("heads", part.num_heads, values),))
    t.linear(context, part.output_size or width, "hidden", "output", "o_proj")
    return t.saved
