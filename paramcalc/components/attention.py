"""Attention with separate keys and values: multi-head, grouped-query, multi-query; self or cross."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, get_args

from pydantic import Field, model_validator

from paramcalc.axes import Axis, Run, axis
from paramcalc.components.base import Component, Count, Listed, Size
from paramcalc.components.problems import uneven_heads
from paramcalc.dims import named
from paramcalc.errors import HEADS, Problem
from paramcalc.tree import Context, State, Tensor, Work

if TYPE_CHECKING:
    from typing import Self

    from paramcalc.tree import Per

Projection = Literal["q", "k", "v", "o"]
QKVO: tuple[Projection, ...] = get_args(Projection)
QKV: tuple[Projection, ...] = ("q", "k", "v")
QVO: tuple[Projection, ...] = ("q", "v", "o")
QKNorm = Literal["none", "head", "full", "heads", "each"]
Gate = Literal["none", "query", "full", "head"]


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
    qk_norm: QKNorm = "none"
    """A norm on queries and keys: over a head `(head_dim,)`, over all `(num_heads·head_dim,)`, or one scale for each
    head: in one tensor `(num_heads, head_dim)` (heads) or in as many tensors `(head_dim,)` (each)."""
    qk_norm_bias: bool = False
    output_gate: Gate = "none"
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
    projected: bool = True
    """False where what stands beside it in its layer makes queries, keys and values with its own matrix (Hymba)."""

    source: ClassVar[str] = "arXiv:1706.03762; MQA: arXiv:1911.02150; GQA: arXiv:2305.13245; sinks: arXiv:2309.17453"

    @model_validator(mode="after")
    def _possible(self) -> Self:
        kv_heads = self.num_kv_heads
        if kv_heads and self.num_heads % kv_heads and not self.uneven_groups:
            raise uneven_heads(self.num_heads, kv_heads)
        return self

    def problems(self, context: Context) -> tuple[Problem, ...]:
        """Heads share the width where nothing says how wide one is."""
        width = self.width(context)
        if self.head_dim or width % self.num_heads == 0:
            return ()
        return (Problem(f"{self.num_heads} does not divide hidden_size ({width})", ("num_heads",),
                        "give head_dim, or change num_heads", code=HEADS),)

    def head_size(self, context: Context) -> int:
        """Width of a query or key head."""
        return self.head_dim or named(self.width(context) // self.num_heads, "head_dim")

    def tensors(self, context: Context) -> list[Tensor]:
        """Projections, their biases, norms, gate and sinks."""
        width, head = self.width(context), self.head_size(context)
        tensors = self._queries_keys_values(width, head) if self.projected else []
        if self.qk_norm != "none":
            tensors += self._qk_norms(head)
        if self.output_gate == "full" and self.fused != "gqkv":
            values = self.v_head_dim or head
            tensors += self._project("gate", self.num_heads * values, width, axis("heads", self.num_heads, values),
                                   bias=self.output_gate_bias)
        elif self.output_gate == "head":
            tensors += self._project("gate", self.num_heads, width, "heads", bias=self.output_gate_bias)
        if self.output:
            tensors += self.linear("o_proj", self.output_size or width, self.num_heads * (self.v_head_dim or head),
                                 "attention", bias="o" in self.bias,
                                 axes=("hidden", axis("heads", self.num_heads, self.v_head_dim or head)),
                                 transposed=self.transposed)
        if self.sinks:
            tensors.append(self.vector("sinks", (self.num_heads,), ("heads",), "attention"))
        return tensors

    def _queries_keys_values(self, width: int, head: int) -> list[Tensor]:
        return self._fused_qkv(width, head) if self.fused in ("qkv", "gqkv") else self._separate(width, head)

    def _project(
        self, name: str, out: int, into: int, axis_name: str, *, bias: bool, per: Per = "token",
    ) -> list[Tensor]:
        return self.linear(name, out, into, "attention", bias=bias, axes=(axis_name, "hidden"),
                           transposed=self.transposed, per=per)

    def _separate(self, width: int, head: int) -> list[Tensor]:
        query = head * (2 if self.output_gate == "query" else 1)
        tensors = self._project("q_proj", self.num_heads * query, width, axis("heads", self.num_heads, query),
                              bias="q" in self.bias)
        if self.shares_kv:
            return tensors
        kv_heads, into = self.num_kv_heads or self.num_heads, self.source_size or width
        per: Per = "source" if self.cross else "token"
        v_dim = self.v_head_dim or head
        if self.fused == "kv":
            return tensors + self._project("kv_proj", kv_heads * (head + v_dim), into,
                                         axis("kv_heads", kv_heads, head + v_dim), bias="k" in self.bias, per=per)
        tensors += self._project("k_proj", kv_heads * head, into, axis("kv_heads", kv_heads, head),
                               bias="k" in self.bias, per=per)
        if self.value == "own":
            tensors += self._project("v_proj", kv_heads * v_dim, self.value_source_size or into,
                                   axis("kv_heads", kv_heads, v_dim), bias="v" in self.bias, per=per)
        return tensors

    def _fused_qkv(self, width: int, head: int) -> list[Tensor]:
        kv_heads = self.num_kv_heads or self.num_heads
        values = self.v_head_dim or head
        query = head + (values if self.fused == "gqkv" else 0)
        rows = self.num_heads * query + kv_heads * head + kv_heads * values
        joined = self._project(f"{self.fused}_proj", rows, width, self.joined(head), bias="q" in self.bias)
        if f"{self.fused}_proj.weight" not in self.names:
            return joined
        words = ("weight", "bias")  # which torch.nn.MultiheadAttention joins otherwise: in_proj_weight
        return [tensor._replace(name=self.names[f"{self.fused}_proj.{word}"])
                for tensor, word in zip(joined, words, strict=False)]

    def joined(self, head: int) -> Axis:
        """The dimension of one matrix for queries, keys and values (and the gate)."""
        values = self.v_head_dim or head
        query = head + (values if self.fused == "gqkv" else 0)
        return Axis(Run("heads", self.num_heads, query),
                    Run("kv_heads", self.num_kv_heads or self.num_heads, head + values))

    def _qk_norms(self, head: int) -> list[Tensor]:
        kv_heads = self.num_kv_heads or self.num_heads
        if self.qk_norm == "heads":
            words = ("weight", "bias") if self.qk_norm_bias else ("weight",)
            sides = (("q_norm", self.num_heads, "heads"), ("k_norm", kv_heads, "kv_heads"))
            return [self.vector(f"{name}.{word}", (count, head), (axis_name, "head_dim"), "norm")
                    for name, count, axis_name in sides[: 1 if self.shares_kv else 2] for word in words]
        if self.qk_norm == "each":
            return self._norms_apart("q_norm", self.num_heads, head) + self._norms_apart("k_norm", kv_heads, head)
        full = self.qk_norm == "full"
        tensors = self.norm("q_norm", self.num_heads * head if full else head, bias=self.qk_norm_bias,
                          axis=axis("heads", self.num_heads, head) if full else "head_dim")
        if self.shares_kv:
            return tensors
        return tensors + self.norm("k_norm", kv_heads * head if full else head, bias=self.qk_norm_bias,
                                 axis=axis("kv_heads", kv_heads, head) if full else "head_dim")

    def _norms_apart(self, name: str, heads: int, head: int) -> list[Tensor]:
        tensors = self.norm(f"{name}.norms.*", head, bias=self.qk_norm_bias, axis="head_dim")
        return [tensor._replace(stored=heads, used=heads) for tensor in tensors]

    def states(self, context: Context) -> list[State]:
        """Keys and values: `(kv_heads, head_dim)` each, for every token that can still be seen."""
        if self.shares_kv or not (self.causal or self.cross):
            return []
        heads = self.num_kv_heads or self.num_heads
        head = self.head_size(context)
        cached_heads = heads if self.cache_heads is None else self.cache_heads
        key = State("k", (heads, head), ("kv_heads", "head_dim"), "source" if self.cross else "token", self.window,
                    self.chunk, ahead=self.prompt, library_copies=cached_heads // heads,
                    library_unwindowed=self.cache_whole)
        return [key, key._replace(name="v", shape=(heads, self.v_head_dim or head))]

    def work(self, context: Context) -> list[Work]:
        """Scores and their weighted sum: `num_heads·(head_dim + v_head_dim)` multiply-adds a pair."""
        head = self.head_size(context)
        return [Work("scores", (self.num_heads, head + (self.v_head_dim or head)), ("heads", "head_dim"), "attention",
                     "source_pair" if self.cross else "pair", self.window, self.chunk,
                     self.causal and not self.cross, self.top_k)]
