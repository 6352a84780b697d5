"""What the core of attention keeps for backward: scores, softmax, dropout, weighted values, by the kernel it runs."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from paramcalc.activations.saved import SavedPer
    from paramcalc.activations.tape import Tape, Value

SEED_BYTES = 24
"""Of the random state a fused kernel keeps for its dropout."""


class Heads(NamedTuple):
    """Shapes of one attention."""

    heads: int
    kv_heads: int
    head_dim: int
    v_head_dim: int
    cross: bool = False
    causal: bool = True
    sinks: bool = False
    laid_apart: bool = False
    """Queries are joined of parts, which lays heads apart."""
    window: int | None = None
    """Tokens attend within windows of so many, by themselves."""
    broadcast: bool = False
    """The one key and value head is broadcast, never expanded (Falcon)."""

    @property
    def pair(self) -> SavedPer:
        """What scores have one of."""
        return "source_pair" if self.cross else "pair" if self.window is None else "block_pair"

    @property
    def keys(self) -> SavedPer:
        """What keys and values have one of."""
        return "source" if self.cross else "token"


def attend(tape: Tape, q: Value, k: Value, v: Value, heads: Heads) -> Value:
    """The weighted values `(heads, v_head_dim)` for q `(heads, head_dim)` and k, v with `kv_heads`.

    q, k and v may be views of one storage. Selective recomputation keeps no more than the three.
    """
    kind = tape.policy.attention
    if tape.facts.own_attention and tape.policy.library == "transformers":
        kind = "eager"
    if tape.policy.library == "megatron" and kind == "sdpa":
        kind = "flash"
    if tape.policy.recompute == "selective":
        for value, name in ((q, "q"), (k, "k"), (v, "v")):
            tape.keep(value, name)
        return _context(tape, heads)
    if kind != "eager":
        tape.result(_context(tape, heads), "attention")
        tape.result(tape.new((heads.heads,), ("heads",), dtype="float32"), "attention")
    return {"eager": _eager, "sdpa": _math, "flash": _flash}[kind](tape, q, k, v, heads)


def _scores(tape: Tape, heads: Heads, dtype: str | None = None) -> Value:
    """A number for each pair, in each head."""
    scores = tape.new((heads.heads,), ("heads",), heads.pair, dtype)
    return scores if heads.window is None else replace(scores, block=heads.window, padded=False)


def _context(tape: Tape, heads: Heads) -> Value:
    return tape.new((heads.heads, heads.v_head_dim), ("heads", "head_dim"))


def _flash(tape: Tape, q: Value, k: Value, v: Value, heads: Heads) -> Value:
    """q, k, v as they come, the output and the logarithm of the softmax's sum."""
    out = _context(tape, heads)
    for value, name in ((q, "q"), (k, "k"), (v, "v"), (out, "context")):
        tape.keep(value, name)
    if tape.policy.library == "transformers":
        tape.keep(tape.new((heads.heads,), ("heads",), dtype="float32"), "log-sum-exp")
        tape.keep(tape.new((SEED_BYTES,), ("one",), "once", "uint8"), "random state")
    return _context(tape, heads) if tape.facts.rotary_joined or heads.laid_apart else out


def _math(tape: Tape, q: Value, k: Value, v: Value, heads: Heads) -> Value:
    """torch's math kernel: everything in float32, scaled and expanded to all heads before it is multiplied."""
    tape.keep(tape.new((heads.heads, heads.head_dim), ("heads", "head_dim"), dtype="float32"), "scaled q")
    count = heads.kv_heads if heads.broadcast else heads.heads
    tape.keep(tape.new((count, heads.head_dim), ("heads", "head_dim"), heads.keys, "float32"), "scaled k")
    own = tape.new((count, heads.v_head_dim), ("heads", "head_dim"), heads.keys, v.dtype)
    copied = heads.kv_heads != heads.heads or tape.policy.dtype not in ("fp32", "float32")
    tape.keep(tape.to(own, "float32") if copied else v, "v")
    weights = _scores(tape, heads, "float32")
    tape.keep(weights, "attention weights")
    tape.keep(tape.dropout(weights, tape.facts.attention_dropout, "attention"), "dropped weights")
    if tape.facts.relative_bias and heads.causal and not heads.cross:
        tape.keep(tape.new((1,), ("one",), "position_pair", "bool"), "causal mask")
    return _context(tape, heads)


def _eager(tape: Tape, q: Value, k: Value, v: Value, heads: Heads) -> Value:
    """Matrix products and a softmax of their own: every square is kept as often as it changes."""
    dtype = "float32" if tape.facts.float_scores else None
    tape.keep(tape.to(_operand(tape, q, (heads.heads, heads.head_dim)), dtype), "q")
    tape.keep(tape.to(_expanded(tape, k, heads, heads.head_dim), dtype), "k")
    scores = _scores(tape, heads)
    if tape.facts.attention_softcap:
        scores = tape.like(scores)
        tape.keep(scores, "capped scores")
    if tape.facts.floored_scores and tape.policy.attention != "flash":  # which is given no mask
        tape.keep(tape.new(scores.shape, scores.axes, heads.pair), "scores")
        tape.keep(tape.new((1,), ("one",), "once", "float32"), "smallest number")
    column = heads.sinks and tape.facts.sinks != "scale"
    if tape.facts.saved_mask and heads.causal:
        tape.keep_shared("mask", (1,), "bool", "position_pair")
    weights = _with_sinks(tape, scores) if column else tape.softmax(scores)
    weights = tape.dropout(weights, tape.facts.attention_dropout, "attention")
    tape.keep(weights, "weights multiplied")
    tape.keep(_expanded(tape, v, heads, heads.v_head_dim), "v")
    out = _context(tape, heads)
    return _scaled_by_sinks(tape, scores, out) if heads.sinks and not column else out


def _scaled_by_sinks(tape: Tape, scores: Value, out: Value) -> Value:
    """What attention gives, times how much of the softmax the sink leaves (Granite)."""
    each = tape.new(scores.shape, scores.axes)
    tape.keep(scores, "scores")
    tape.keep(each, "log-sum-exp")
    tape.keep(tape.like(each, "float32"), "share of the sinks")
    return tape.multiply(out, tape.like(each), ("context", "share"))


def _with_sinks(tape: Tape, scores: Value) -> Value:
    """One more column, the largest score's place, and a softmax in the model's type (gpt-oss)."""
    if tape.facts.sinks == "float_column":
        tape.keep(tape.like(scores, "float32"), "attention weights")
        tape.keep(tape.new(scores.shape, scores.axes, dtype="float32"), "attention weights of the sinks")
        return tape.like(scores)
    weights = tape.like(scores)
    tape.keep(weights, "attention weights")
    tape.keep(tape.new(scores.shape, scores.axes), "attention weights of the sinks")
    tape.keep(tape.new(scores.shape, scores.axes, dtype="int64"), "place of the largest score")
    return weights


def _operand(tape: Tape, value: Value, shape: tuple[int, ...]) -> Value:
    """What a batched product keeps: the storage itself, or of a view of several heads a copy where it has to be one."""
    if tape.policy.batch == 1 or prod(value.shape) == prod(shape):
        return value
    return tape.new(shape, ("heads", "head_dim"), value.per, value.dtype)


def _expanded(tape: Tape, value: Value, heads: Heads, size: int) -> Value:
    """Keys and values for every query head: copies where they are shared; of a single head they can be a view."""
    if heads.kv_heads == 1 and tape.policy.batch == 1 and not tape.facts.float_scores:
        return value
    if heads.kv_heads != heads.heads and tape.policy.library == "transformers":
        return tape.new((heads.heads, size), ("heads", "head_dim"), heads.keys, value.dtype)
    return _operand(tape, value, (heads.kv_heads, size))
