"""Lightning attention: linear attention with a fixed decay a head."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from paramcalc.axes import axis
from paramcalc.components.base import Component, Size
from paramcalc.components.mamba import MIXER
from paramcalc.tree import Context, State, Work

if TYPE_CHECKING:
    from collections.abc import Iterable

    from paramcalc.tree import Tensor


class LightningAttention(Component):
    """q, k and v in one matrix `(3·num_heads·head_dim, hidden_size)`, norm and gate on the output, output projection.

    A block of `block_size` tokens is attended to at once; the decays within one are kept as buffers.
    """

    kind: Literal["lightning_attention"] = "lightning_attention"
    num_heads: Size
    head_dim: Size
    block_size: Size = 256

    source: ClassVar[str] = "arXiv:2501.08313 section 2.2; transformers MiniMaxLightningAttention"

    def tensors(self, context: Context) -> list[Tensor]:
        """Projections, norm, gate; slopes and decays as buffers."""
        width, heads, block = self.width(context), self.num_heads, self.block_size
        inner, heads_axis = heads * self.head_dim, axis("heads", heads, self.head_dim)
        tensors = self.linear("qkv_proj", 3 * inner, width, MIXER,
                            axes=(axis("heads", heads, 3 * self.head_dim), "hidden"))
        tensors += self.norm("norm", inner, axis=heads_axis)
        tensors += self.linear("output_gate", inner, width, MIXER, axes=(heads_axis, "hidden"))
        tensors += self.linear("out_proj", width, inner, MIXER, axes=("hidden", heads_axis))
        shapes = {"slope_rate": (heads, 1, 1), "query_decay": (heads, block, 1), "key_decay": (heads, block, 1)}
        tensors += [self.vector(name, shape, ("heads", "block", "one"), MIXER, buffer=True)
                  for name, shape in shapes.items()]
        axes = ("one", "heads", "block", "block")
        return [*tensors, self.vector("diagonal_decay", (1, heads, block, block), axes, MIXER, buffer=True)]

    def states(self, context: Context) -> Iterable[State]:
        """One `(head_dim, head_dim)` matrix a head, whatever the length."""
        return [State("linear", (self.num_heads, self.head_dim, self.head_dim), ("heads", "head_dim", "state"),
                      "sequence", component=MIXER, kind="state")]

    def work(self, context: Context) -> Iterable[Work]:
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
