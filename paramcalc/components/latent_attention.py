"""Multi-head latent attention: keys and values made from one small latent a token, which is all that is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from paramcalc.components.base import Component, Listed, Site, Size
from paramcalc.tree import State, Tensor, Work

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

    source: ClassVar[str] = "arXiv:2405.04434 section 2.1; transformers DeepseekV3Attention"

    def tensors(self, site: Site) -> list[Tensor]:
        """Down- and up-projections, the norms between them, and the output."""
        width, rope = self.width(site), self.qk_rope_head_dim
        found = self._queries(width)
        found += self._project("kv_a_proj_with_mqa", self.kv_lora_rank + rope, width, ("latent", "hidden"), "kv_a")
        if self.norms:
            found += self.norm("kv_a_layernorm", self.kv_lora_rank, axis="latent")
        found += self._project("kv_b_proj", self.num_heads * (self.qk_nope_head_dim + self.v_head_dim),
                               self.kv_lora_rank, ("heads", "latent"), "kv_b")
        return found + self._project("o_proj", width, self.num_heads * self.v_head_dim, ("hidden", "heads"), "o")

    def _queries(self, width: int) -> list[Tensor]:
        out = self.num_heads * (self.qk_nope_head_dim + self.qk_rope_head_dim)
        if self.q_lora_rank is None:
            return self._project("q_proj", out, width, ("heads", "hidden"), "q")
        found = self._project("q_a_proj", self.q_lora_rank, width, ("latent", "hidden"), "q_a")
        if self.norms:
            found += self.norm("q_a_layernorm", self.q_lora_rank, axis="latent")
        return found + self._project("q_b_proj", out, self.q_lora_rank, ("heads", "latent"), "q_b")

    def _project(self, name: str, out: int, into: int, axes: tuple[str, str], bias: Down) -> list[Tensor]:
        return self.linear(name, out, into, "attention", bias=bias in self.bias, axes=axes)

    def states(self, site: Site) -> Iterable[State]:
        """One latent and one rotary key a token, whatever the heads."""
        return [State("latent", (self.kv_lora_rank,), ("latent",)),
                State("rotary_key", (self.qk_rope_head_dim,), ("rope",))]

    def work(self, site: Site) -> Iterable[Work]:
        """Scores over nope and rope parts, and the weighted sum of values, with keys and values expanded."""
        pair = self.qk_nope_head_dim + self.qk_rope_head_dim + self.v_head_dim
        return [Work("scores", (self.num_heads, pair), ("heads", "head_dim"), "attention")]
