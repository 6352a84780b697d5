"""Multi-head latent attention: keys and values made from one small latent a token, which is all that is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from paramcalc.axes import axis
from paramcalc.components.attention import Gate
from paramcalc.components.base import Component, Listed, Size
from paramcalc.tree import Context, State, Tensor, Work

if TYPE_CHECKING:
    from collections.abc import Iterable


Down = Literal["q_a", "q_b", "q", "kv_a", "kv_b", "o"]


class LatentAttention(Component):
    """Queries direct or through `q_lora_rank`; keys and values through `kv_lora_rank`, with a shared rotary key."""

    kind: Literal["latent_attention"] = "latent_attention"
    num_heads: Size
    q_lora_rank: Size | None = None
    """Rank of the query's down-projection; none means one full matrix (DeepSeek-V2-Lite)."""
    kv_lora_rank: Size
    qk_nope_head_dim: Size
    qk_rope_head_dim: Annotated[int, Field(ge=0, le=2**20)]
    v_head_dim: Size
    bias: Listed[Down] = ()
    """Projections that have a bias."""
    norms: bool = True
    """RMSNorm on both latents."""
    rope_norm: bool = False
    """RMSNorm on the shared rotary key too."""
    output_gate: Gate = "none"
    """A gate on the output: of full width, one value a head, or one matrix with the query's up-projection, which then
    reads a latent twice as wide (A.X-K2)."""
    sinks: bool = False
    """One learned logit a head that takes attention from the rest."""
    window: Annotated[int, Field(ge=1, le=2**30)] | None = None
    """Tokens a query can see, itself included."""
    top_k: Annotated[int, Field(ge=1, le=2**30)] | None = None
    """At most this many keys are attended to, chosen by an indexer (DeepSeek Sparse Attention)."""
    component: Literal["attention", "state_mixer"] = "attention"
    """What its projections count as: Kimi Linear's stand among the linear mixers they complete."""

    source: ClassVar[str] = ("arXiv:2405.04434 section 2.1; transformers DeepseekV3Attention; sparse: arXiv:2512.02556 "
                             "section 2")

    def tensors(self, context: Context) -> list[Tensor]:
        """Down- and up-projections, the norms between them, and the output."""
        width, rope = self.width(context), self.qk_rope_head_dim
        tensors = self._queries(width)
        tensors += self._project("kv_a_proj_with_mqa", self.kv_lora_rank + rope, width, ("latent", "hidden"), "kv_a")
        if self.norms:
            tensors += self.norm("kv_a_layernorm", self.kv_lora_rank, axis="latent")
        if self.rope_norm:
            tensors += self.norm("k_rope_layernorm", rope, axis="rope")
        pair = self.qk_nope_head_dim + self.v_head_dim
        tensors += self._project("kv_b_proj", self.num_heads * pair, self.kv_lora_rank,
                               (axis("heads", self.num_heads, pair), "latent"), "kv_b")
        tensors += self._gate(width)
        if self.sinks:
            tensors.append(self.vector("sinks", (self.num_heads,), ("heads",), self.component))
        return tensors + self._project("o_proj", width, self.num_heads * self.v_head_dim,
                                     ("hidden", axis("heads", self.num_heads, self.v_head_dim)), "o")

    def _gate(self, width: int) -> list[Tensor]:
        if self.output_gate in ("none", "query"):
            return []
        each = 1 if self.output_gate == "head" else self.v_head_dim
        out, heads = self.num_heads * each, axis("heads", self.num_heads, each)
        return self.linear("gate", out, width, self.component, axes=(heads, "hidden"))

    def _queries(self, width: int) -> list[Tensor]:
        head = self.qk_nope_head_dim + self.qk_rope_head_dim
        gated = self.output_gate == "query"
        head += self.v_head_dim if gated else 0
        out, heads = self.num_heads * head, axis("heads", self.num_heads, head)
        if self.q_lora_rank is None:
            return self._project("q_proj", out, width, (heads, "hidden"), "q")
        tensors = self._project("q_a_proj", self.q_lora_rank, width, ("latent", "hidden"), "q_a")
        if self.norms:
            tensors += self.norm("q_a_layernorm", self.q_lora_rank, axis="latent")
        width = self.q_lora_rank * (2 if gated else 1)
        return tensors + self._project("q_b_proj", out, width, (heads, "latent"), "q_b")

    def _project(self, name: str, out: int, into: int, axes: tuple[str, str], bias: Down) -> list[Tensor]:
        return self.linear(name, out, into, self.component, bias=bias in self.bias, axes=axes,
                           per="key" if bias == "kv_b" else "token")

    def states(self, context: Context) -> Iterable[State]:
        """One latent and one rotary key a token, whatever the heads."""
        return [State("latent", (self.kv_lora_rank,), ("latent",), window=self.window),
                State("rotary_key", (self.qk_rope_head_dim,), ("rope",), window=self.window)]

    def work(self, context: Context) -> Iterable[Work]:
        """Scores over nope and rope parts and the weighted sum of values, with keys and values expanded; or both over
        the latents as they are kept, the expansion moved to the query and the output (arXiv:2405.04434 section 2.1)."""
        pair = self.qk_nope_head_dim + self.qk_rope_head_dim + self.v_head_dim
        scores = Work("scores", (self.num_heads, pair), ("heads", "head_dim"), "attention", window=self.window,
                      top_k=self.top_k, when="expanded")
        latent = 2 * self.kv_lora_rank + self.qk_rope_head_dim
        return [scores, scores._replace(shape=(self.num_heads, latent), axes=("heads", "latent"), when="absorbed")]
