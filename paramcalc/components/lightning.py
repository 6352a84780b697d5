"""Lightning attention: linear attention with a fixed decay a head."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from paramcalc.axes import axis
from paramcalc.components.base import Component, Size
from paramcalc.components.scans import MIXER, ScanTape
from paramcalc.components.tape import Value
from paramcalc.tree import State, Work

if TYPE_CHECKING:
    from collections.abc import Iterable

    from paramcalc.components.base import Site
    from paramcalc.components.tape import Policy
    from paramcalc.tree import Saved, Tensor


class LightningAttention(Component):
    """q, k and v in one matrix `(3·num_heads·head_dim, hidden_size)`, norm and gate on the output, output projection.

    A block of `block_size` tokens is attended to at once; the decays within one are kept as buffers.
    """

    kind: Literal["lightning_attention"] = "lightning_attention"
    num_heads: Size
    head_dim: Size
    block_size: Size = 256

    source: ClassVar[str] = "arXiv:2501.08313 section 2.2; transformers MiniMaxLightningAttention"

    def tensors(self, site: Site) -> list[Tensor]:
        """Projections, norm, gate; slopes and decays as buffers."""
        width, heads, block = self.width(site), self.num_heads, self.block_size
        inner, wide = heads * self.head_dim, axis("heads", heads, self.head_dim)
        found = self.linear("qkv_proj", 3 * inner, width, MIXER,
                            axes=(axis("heads", heads, 3 * self.head_dim), "hidden"))
        found += self.norm("norm", inner, axis=wide)
        found += self.linear("output_gate", inner, width, MIXER, axes=(wide, "hidden"))
        found += self.linear("out_proj", width, inner, MIXER, axes=("hidden", wide))
        shapes = {"slope_rate": (heads, 1, 1), "query_decay": (heads, block, 1), "key_decay": (heads, block, 1)}
        found += [self.vector(name, shape, ("heads", "block", "one"), MIXER, buffer=True)
                  for name, shape in shapes.items()]
        axes = ("one", "heads", "block", "block")
        return [*found, self.vector("diagonal_decay", (1, heads, block, block), axes, MIXER, buffer=True)]

    def saved(self, site: Site, policy: Policy) -> list[Saved]:
        """Input, q, k and v, block by block what is multiplied, norm, gate, output: no kernel does it."""
        t, width = ScanTape(site, policy, self.kind, self.block_size), self.width(site)
        inner = self.num_heads * self.head_dim
        wide = axis("heads", self.num_heads, self.head_dim)
        source = t.stream(width)
        joint = t.linear(source, 3 * inner, axis("heads", self.num_heads, 3 * self.head_dim), weight="qkv_proj")
        t.linear(source, inner, wide, weight="output_gate")
        made = t.activation(joint, t.like(joint), gated=True)
        if policy.batch == 1:
            t.keep(made, "q, k and v")
        for name in ("q", "k", "v", "v of the state") if policy.batch > 1 else ():
            t.keep(t.new((inner,), (wide,)), name)
        self._over_blocks(t, inner)
        normed = t.norm(t.new((inner,), (wide,)), "rmsnorm")
        opened = t.multiply(t.like(normed), normed, ("gate", "normed"))
        t.linear(opened, width, "hidden", "output", "out_proj")
        return t.saved

    def _over_blocks(self, t: ScanTape, inner: int) -> None:
        """Weights within a block, decayed k, the state before each; decayed q where that is not zero."""
        heads, dim, size = self.num_heads, self.head_dim, self.block_size
        wide = (axis("heads", heads, dim),)
        t.keep(Value((heads,), ("heads",), "block_pair", block=size, padded=False), "weights")
        t.keep(t.new((inner,), wide), "decayed k")
        t.keep(Value((heads, dim, dim), ("heads", "head_dim", "state"), "block", block=size), "states")
        t.keep(Value((inner,), wide, block=size, blocks="several", more=-size), "decayed q")
        t.keep(Value((heads,), ("heads",), "block", block=size, more=-1), "decay of a block")

    def states(self, site: Site) -> Iterable[State]:
        """One `(head_dim, head_dim)` matrix a head, whatever the length."""
        return [State("linear", (self.num_heads, self.head_dim, self.head_dim), ("heads", "head_dim", "state"),
                      "sequence", component=MIXER, kind="state")]

    def work(self, site: Site) -> Iterable[Work]:
        """The prompt in blocks: scores and their product with values within a block, a block's state in and out; after
        cached tokens the input to the state and its read-out."""
        heads, dim = self.num_heads, self.head_dim
        axes = ("one", "heads", "head_dim", "state")
        states = (2, heads, dim, dim)
        prompt: dict[str, Any] = {"component": MIXER, "block": self.block_size, "padded": False, "when": "prompt"}
        return [Work("within", (heads, 2 * dim), axes[1:3], per="block_pair", **prompt),
                Work("in_and_out", states, axes, per="block_token", **prompt),
                Work("in_and_out", states, axes, MIXER, "token", when="cached"),
                Work("decay", states[1:], axes[1:], MIXER, "token", fused=True)]
