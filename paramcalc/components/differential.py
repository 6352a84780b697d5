"""Differential attention: two attentions over the same values, of which one is taken from the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from paramcalc.components.attention import Attention
from paramcalc.components.base import Site
from paramcalc.components.scores import attend
from paramcalc.components.tape import tape
from paramcalc.tree import Tensor, Work

if TYPE_CHECKING:
    from paramcalc.components.tape import Policy
    from paramcalc.tree import Saved


class DifferentialAttention(Attention):
    """Attention whose heads are pairs: each half of a pair weighs the values of both, one is taken from the other by a
    factor made from four learned vectors `(head_dim,)`."""

    kind: Literal["differential_attention"] = "differential_attention"

    source: ClassVar[str] = "arXiv:2410.05258; transformers DiffLlamaAttention"

    def tensors(self, site: Site) -> list[Tensor]:
        """The projections and the four vectors. The norm over a pair's output has no learned values."""
        width = (self._head_dim(site),)
        names = ("lambda_q1", "lambda_k1", "lambda_q2", "lambda_k2")
        return super().tensors(site) + [self.vector(name, width, ("head_dim",), "attention") for name in names]

    def saved(self, site: Site, policy: Policy) -> list[Saved]:
        """As attention, twice for the two halves of the values; both results, the factor, and the norm of a pair."""
        t = tape(site, policy, "attention")
        if policy.recompute == "full":
            return []
        head, width = self._head_dim(site), self.width(site)
        values, kv_heads = self.v_head_dim or head, self.num_kv_heads or self.num_heads
        q, k, v = self._positioned(t, *self._projected(t, t.stream(width), head), head, rotary=site.rotary)
        for _ in range(2):
            v = t.new((kv_heads, values), ("kv_heads", "head_dim"))
            attend(t, q, k, v, self._heads(head))
        t.keep(t.new((self.num_heads, 2 * values), ("heads", "head_dim")), "both contexts")
        if policy.library == "transformers":
            for name, dtype in (("first factor", "float32"), ("second factor", "float32"), ("factor", None)):
                t.keep(t.new((1,), ("one",), "once", dtype), name)
            t.norm(t.new((self.num_heads, values), ("heads", "head_dim")), "rmsnorm",
                   (self.num_heads // 2, 2 * values), scale=False)
        t.linear(t.new((self.num_heads * values,), ("heads",)), self.output_size or width, "hidden", "output", "o_proj")
        return t.saved

    def work(self, site: Site) -> list[Work]:
        """Plain attention twice: the reference makes the scores anew for each half of the values."""
        return [score._replace(shape=(2, *score.shape), axes=("halves", *score.axes)) for score in super().work(site)]
