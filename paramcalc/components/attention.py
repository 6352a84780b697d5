"""Attention with separate keys and values: multi-head, grouped-query, multi-query; self or cross."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from paramcalc.axes import Axis, Run, axis
from paramcalc.components.base import Component, Count, Listed, Refusal, Site, Size
from paramcalc.components.problems import divisors, impossible
from paramcalc.components.scores import Heads, attend
from paramcalc.components.tape import tape
from paramcalc.errors import HEADS, KV_HEADS
from paramcalc.tree import State, Tensor, Work

if TYPE_CHECKING:
    from typing import Self

    from paramcalc.components.tape import Policy, Tape, Value
    from paramcalc.tree import Per, Saved, SavedPer

Projection = Literal["q", "k", "v", "o"]


class Attention(Component):
    """q `(num_heads·head_dim, hidden_size)`, k and v with `num_kv_heads`, o `(hidden_size, num_heads·v_head_dim)`."""

    kind: Literal["attention", "differential_attention", "dynamic_mask_attention"] = "attention"
    num_heads: Size
    num_kv_heads: Size | None = None
    """As many as heads when not given."""
    uneven_groups: bool = False
    """Key and value heads need not divide the query heads: such a model can be counted, not run."""
    head_dim: Size | None = None
    """hidden_size / num_heads when not given."""
    v_head_dim: Size | None = None
    """Width of a value head, where it differs."""
    bias: Listed[Projection] = ()
    """Projections that have a bias."""
    qk_norm: Literal["none", "head", "full", "heads", "each"] = "none"
    """A norm on queries and keys: over a head `(head_dim,)`, over all `(num_heads·head_dim,)`, or one scale for each
    head: in one tensor `(num_heads, head_dim)` (heads) or in as many tensors `(head_dim,)` (each)."""
    qk_norm_bias: bool = False
    output_gate: Literal["none", "query", "full", "head"] = "none"
    """A gate on the output: made by a doubled query projection (Qwen3-Next), by its own projection of full width, or
    one value a head."""
    output_gate_bias: bool = False
    sinks: bool = False
    """One learned logit a head that takes attention from the rest (gpt-oss)."""
    window: Annotated[int, Field(ge=1, le=2**30)] | None = None
    """Tokens a query can see, itself included."""
    chunk: Annotated[int, Field(ge=1, le=2**30)] | None = None
    """Attention stays within chunks of this many tokens (Llama 4)."""
    top_k: Annotated[int, Field(ge=1, le=2**30)] | None = None
    """At most this many keys are attended to, chosen by an indexer."""
    causal: bool = True
    cross: bool = False
    """Keys and values come from the encoder's output."""
    source_size: Size | None = None
    """Width the keys and values are made from, where it is not the residual width."""
    value_source_size: Size | None = None
    """Width the values are made from, where it is not the keys'."""
    output_size: Size | None = None
    """Width the output projection gives, where it is not the residual width."""
    shares_kv: bool = False
    """No k and v of its own: an earlier layer's are attended to (Gemma 3n)."""
    value: Literal["own", "key"] = "own"
    """`key`: the values are the keys, with no projection of their own (Gemma 4's global layers)."""
    cache_heads: Count | None = None
    """Heads the library's class keeps: more where it keeps expanded ones (Falcon 40B), 0 where it keeps none and
    computes every token again (GPT)."""
    cache_whole: bool = False
    """The library's class keeps every token whatever the window (GPT-Neo)."""
    prompt: Count = 0
    """Tokens the model itself puts before those of a sequence, whose keys and values are kept too (CPM-Ant)."""
    fused: Literal["none", "qkv", "gqkv", "kv"] = "none"
    """Which projections are one matrix in files; g is the output gate."""
    transposed: bool = False
    """Weights are stored `(in, out)`, as GPT-2's Conv1D does."""
    output: bool = True
    """False where no output projection follows."""

    source: ClassVar[str] = "arXiv:1706.03762; MQA: arXiv:1911.02150; GQA: arXiv:2305.13245; sinks: arXiv:2309.17453"

    @model_validator(mode="after")
    def _possible(self) -> Self:
        kv_heads = self.num_kv_heads
        if kv_heads and self.num_heads % kv_heads and not self.uneven_groups:
            raise impossible(f"{kv_heads} does not divide num_heads ({self.num_heads})",
                             f"use {divisors(self.num_heads)}", "num_kv_heads", KV_HEADS, ("num_heads",))
        return self

    def unfit(self, site: Site) -> tuple[Refusal, ...]:
        """Heads share the width where nothing says how wide one is."""
        width = self.width(site)
        if self.head_dim or width % self.num_heads == 0:
            return ()
        return (Refusal(f"{self.num_heads} does not divide hidden_size ({width})", "give head_dim, or change num_heads",
                        "num_heads", HEADS),)

    def _head_dim(self, site: Site) -> int:
        return self.head_dim or self.width(site) // self.num_heads

    def tensors(self, site: Site) -> list[Tensor]:
        """Projections, their biases, norms, gate and sinks."""
        width, head = self.width(site), self._head_dim(site)
        found = self._fused_qkv(width, head) if self.fused in ("qkv", "gqkv") else self._separate(width, head)
        if self.qk_norm != "none":
            found += self._qk_norms(head)
        if self.output_gate == "full" and self.fused != "gqkv":
            values = self.v_head_dim or head
            found += self._project("gate", self.num_heads * values, width, axis("heads", self.num_heads, values),
                                   bias=self.output_gate_bias)
        elif self.output_gate == "head":
            found += self._project("gate", self.num_heads, width, "heads", bias=self.output_gate_bias)
        if self.output:
            found += self.linear("o_proj", self.output_size or width, self.num_heads * (self.v_head_dim or head),
                                 "attention", bias="o" in self.bias,
                                 axes=("hidden", axis("heads", self.num_heads, self.v_head_dim or head)),
                                 transposed=self.transposed)
        if self.sinks:
            found.append(self.vector("sinks", (self.num_heads,), ("heads",), "attention"))
        return found

    def _project(self, name: str, out: int, into: int, named: str, *, bias: bool, per: Per = "token") -> list[Tensor]:
        return self.linear(name, out, into, "attention", bias=bias, axes=(named, "hidden"), transposed=self.transposed,
                           per=per)

    def _separate(self, width: int, head: int) -> list[Tensor]:
        query = head * (2 if self.output_gate == "query" else 1)
        found = self._project("q_proj", self.num_heads * query, width, axis("heads", self.num_heads, query),
                              bias="q" in self.bias)
        if self.shares_kv:
            return found
        kv_heads, into = self.num_kv_heads or self.num_heads, self.source_size or width
        per: Per = "source" if self.cross else "token"
        v_dim = self.v_head_dim or head
        if self.fused == "kv":
            return found + self._project("kv_proj", kv_heads * (head + v_dim), into,
                                         axis("kv_heads", kv_heads, head + v_dim), bias="k" in self.bias, per=per)
        found += self._project("k_proj", kv_heads * head, into, axis("kv_heads", kv_heads, head),
                               bias="k" in self.bias, per=per)
        if self.value == "own":
            found += self._project("v_proj", kv_heads * v_dim, self.value_source_size or into,
                                   axis("kv_heads", kv_heads, v_dim), bias="v" in self.bias, per=per)
        return found

    def _fused_qkv(self, width: int, head: int) -> list[Tensor]:
        kv_heads = self.num_kv_heads or self.num_heads
        values = self.v_head_dim or head
        query = head + (values if self.fused == "gqkv" else 0)
        rows = self.num_heads * query + kv_heads * head + kv_heads * values
        return self._project(f"{self.fused}_proj", rows, width, self._joined(head), bias="q" in self.bias)

    def _joined(self, head: int) -> Axis:
        values = self.v_head_dim or head
        query = head + (values if self.fused == "gqkv" else 0)
        return Axis(Run("heads", self.num_heads, query),
                    Run("kv_heads", self.num_kv_heads or self.num_heads, head + values))

    def _qk_norms(self, head: int) -> list[Tensor]:
        kv_heads = self.num_kv_heads or self.num_heads
        if self.qk_norm == "heads":
            found = [self.vector("q_norm.weight", (self.num_heads, head), ("heads", "head_dim"), "norm"),
                     self.vector("k_norm.weight", (kv_heads, head), ("kv_heads", "head_dim"), "norm")]
            return found[:1] if self.shares_kv else found
        if self.qk_norm == "each":
            return self._norms_apart("q_norm", self.num_heads, head) + self._norms_apart("k_norm", kv_heads, head)
        whole = self.qk_norm == "full"
        found = self.norm("q_norm", self.num_heads * head if whole else head, bias=self.qk_norm_bias,
                          axis=axis("heads", self.num_heads, head) if whole else "head_dim")
        if self.shares_kv:
            return found
        return found + self.norm("k_norm", kv_heads * head if whole else head, bias=self.qk_norm_bias,
                                 axis=axis("kv_heads", kv_heads, head) if whole else "head_dim")

    def _norms_apart(self, name: str, heads: int, head: int) -> list[Tensor]:
        found = self.norm(f"{name}.norms.*", head, bias=self.qk_norm_bias, axis="head_dim")
        return [tensor._replace(stored=heads, used=heads) for tensor in found]

    def states(self, site: Site) -> list[State]:
        """Keys and values: `(kv_heads, head_dim)` each, for every token that can still be seen."""
        if self.shares_kv or not (self.causal or self.cross):
            return []
        heads = self.num_kv_heads or self.num_heads
        head = self._head_dim(site)
        held = heads if self.cache_heads is None else self.cache_heads
        key = State("k", (heads, head), ("kv_heads", "head_dim"), "source" if self.cross else "token", self.window,
                    self.chunk, ahead=self.prompt, library_copies=held // heads, library_whole=self.cache_whole)
        return [key, key._replace(name="v", shape=(heads, self.v_head_dim or head))]

    def saved(self, site: Site, policy: Policy) -> list[Saved]:
        """Input, norms of queries and keys, the core, the output's input, and dropout's noise."""
        t = tape(site, policy, "attention")
        if policy.recompute == "full":
            return self._arguments(t)
        head, width = self._head_dim(site), self.width(site)
        x = t.stream(width)
        q, k, v = self._projected(t, x, head)
        q, k, v = self._positioned(t, q, k, v, head, rotary=site.rotary and not self.cross)
        context = attend(t, q, k, v, self._heads(head))
        if self.output_gate != "none":
            each = 1 if self.output_gate == "head" else self.v_head_dim or head
            named = axis("heads", self.num_heads, each)
            if self.output_gate != "query" and self.fused != "gqkv":
                t.linear(x, self.num_heads * each, named, weight="gate")
            context = t.multiply(context, t.new((self.num_heads * each,), (named,)), ("context", "gate"))
        if t.how.normed_context:
            context = t.like(context)
        if self.output:
            out = t.linear(context, self.output_size or width, "hidden", "output", "o_proj")
            t.dropout(out, t.how.hidden_dropout if t.how.attention_residual_dropout else 0, "output")
        return t.saved

    def _heads(self, head: int) -> Heads:
        return Heads(self.num_heads, self.num_kv_heads or self.num_heads, head, self.v_head_dim or head, self.cross,
                     self.causal, self.sinks)

    def _arguments(self, t: Tape) -> list[Saved]:
        """What a layer is handed beside the residual stream."""
        if t.how.relative_bias and not t.how.layer_bias:
            name = "cross bias" if self.cross else "bias"
            per: SavedPer = "position_source" if self.cross else "position_pair"
            t.keep(t.new((self.num_heads,), ("heads",), per, shared=name, argument=True), name)
        if t.how.embedding_argument:
            t.keep(t.new((t.width,), ("hidden",), shared="embeddings", argument=True), "embeddings")
        if self.cross:
            t.keep(self._source(t), "encoder output")
        elif t.how.mask_argument and self.causal and t.policy.attention == "eager":
            t.keep(t.new((1,), ("one",), "pair", shared="mask", argument=True), "mask")
        return t.saved

    def _source(self, t: Tape) -> Value:
        return t.new((self.source_size or t.width,), ("hidden",), "source", shared="encoder output", argument=True)

    def _projected(self, t: Tape, x: Value, head: int) -> tuple[Value, Value, Value]:
        """q, k and v; views of one storage where one matrix makes them."""
        v_head, kv_heads = self.v_head_dim or head, self.num_kv_heads or self.num_heads
        wide = head * (2 if self.output_gate == "query" else 1)
        if self.fused in ("qkv", "gqkv"):
            joined = self._joined(head)
            joint = t.linear(x, sum(run.units * run.size for run in joined.runs), joined, weight=f"{self.fused}_proj")
            if t.how.own_qkv:
                return self._own(t, "heads", head), self._own(t, "kv_heads", head), self._own(t, "kv_heads", v_head)
            if t.how.picked_kv:
                for name in ("place of the key", "place of the value"):
                    t.keep(t.new((1,), ("one",), "once", "int64"), name)
            if t.how.broadcast_kv:
                k, v = (t.new((kv_heads * size,), (axis("kv_heads", kv_heads, size),)) for size in (head, v_head))
                return joint, k, v
            return joint, joint, joint
        q = t.linear(x, self.num_heads * wide, axis("heads", self.num_heads, wide), weight="q_proj")
        source = self._source(t) if self.cross else x

        def made(name: str, size: int) -> Value:
            of = axis("kv_heads", kv_heads, size)
            if self.shares_kv:
                return replace(t.new((kv_heads * size,), (of,), source.per), held=True)
            return t.linear(source, kv_heads * size, of, "source", f"{name}_proj")

        if self.fused == "kv":
            both = made("kv", head + v_head)
            return q, both, both
        key = made("k", head)
        return q, key, key if self.value == "key" else made("v", v_head)

    def _own(self, t: Tape, named: str, size: int) -> Value:
        heads = self.num_heads if named == "heads" else self.num_kv_heads or self.num_heads
        return t.new((heads * size,), (axis(named, heads, size),))

    def _positioned(self, t: Tape, q: Value, k: Value, v: Value, head: int, *, rotary: bool) -> tuple[Value, ...]:
        """Queries and keys normed and rotated, each a tensor of its own after it."""
        kv_heads = self.num_kv_heads or self.num_heads
        if self.qk_norm != "none":
            kind = "layernorm" if self.qk_norm_bias or t.how.qk_layer_norm else "rmsnorm"
            full, each = self.qk_norm == "full", self.qk_norm == "heads"
            q = t.norm(q, kind, (self.num_heads * head,) if full else (self.num_heads, head), whole=each)
            if not self.shares_kv:
                k = t.norm(k, kind, (kv_heads * head,) if full else (kv_heads, head), whole=each)
        if t.how.value_norm and not self.shares_kv:
            v = t.norm(v, "rmsnorm", (kv_heads, self.v_head_dim or head), scale=False)
        if rotary:
            windowed = self.window is not None
            q = t.rotate((self.num_heads, head), head, windowed=windowed, like=q)
            if not self.shares_kv:
                k = t.rotate((kv_heads, head), head, windowed=windowed, like=k, axis="kv_heads")
        if t.how.qk_l2_norm == "all" or (t.how.qk_l2_norm == "chunked" and self.chunk is not None):
            q, k = t.l2_norm(q, (self.num_heads, head)), t.l2_norm(k, (kv_heads, head))
        if t.how.temperature == "all" or (t.how.temperature == "unchunked" and self.chunk is None):
            t.keep(t.new((1,), ("one",), "position", None if t.how.temperature == "all" else "float32"), "temperature")
        if t.how.scaled_query and not rotary:
            q = t.new((self.num_heads, head), ("heads", "head_dim"))
        return q, k, v

    def work(self, site: Site) -> list[Work]:
        """Scores and their weighted sum: `num_heads·(head_dim + v_head_dim)` multiply-adds a pair."""
        head = self._head_dim(site)
        return [Work("scores", (self.num_heads, head + (self.v_head_dim or head)), ("heads", "head_dim"), "attention",
                     "source_pair" if self.cross else "pair", self.window, self.chunk,
                     self.causal and not self.cross, self.top_k)]
