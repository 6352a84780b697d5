"""Feed-forward layers, plain (up, down) and gated (gate, up, down)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

from paramcalc.axes import axis
from paramcalc.components.base import Component, Size

if TYPE_CHECKING:
        from paramcalc.tree import Context, Tensor


class FeedForward(Component):
    """`down(act(up(x)))`, or `down(act(gate(x)) * up(x))` when gated."""

    kind: Literal["ffn"] = "ffn"
    intermediate_size: Size
    gated: bool = True
    bias: bool = False
    down_bias: bool | None = None
    """Bias of the last projection, where it differs from the others."""
    fused: bool = False
    """Gate and up are one matrix `(2·intermediate_size, hidden_size)`."""
    transposed: bool = False
    """Weights are stored `(in, out)`, as GPT-2's Conv1D does."""
    sparse: bool = False
    """Of the gate only what is far above its mean goes on (Gemma 3n)."""
    component: Literal["ffn", "moe_shared"] = "ffn"

    source: ClassVar[str] = "plain: arXiv:1706.03762 section 3.3; gated: arXiv:2002.05202"

    def tensors(self, context: Context) -> list[Tensor]:
        """Weights and biases of the up and down projections, and of the gate where there is one."""
        shape = FeedShape(self.gated, self.fused, self.bias, self.bias if self.down_bias is None else self.down_bias,
                          self.transposed)
        return feed_forward(self, self.width(context), self.intermediate_size, shape, self.component)


class FeedShape(NamedTuple):
    """What varies between feed-forwards besides their widths."""

    gated: bool = True
    fused: bool = False
    bias: bool = False
    down_bias: bool = False
    transposed: bool = False
    sparse: bool = False


def feed_forward(
    owner: Component, width: int, inner: int, shape: FeedShape, component: str, prefix: str = "", stored: int = 1,
    used: int = 1,
) -> list[Tensor]:
    """The projections of a feed-forward, of which memory holds `stored` and a token visits `used`."""
    if not shape.gated:
        first = [("up_proj", inner)]
    elif shape.fused:
        first = [("gate_up_proj", 2 * inner)]
    else:
        first = [("gate_proj", inner), ("up_proj", inner)]
    tensors: list[Tensor] = []
    fused = axis("ffn", inner, 2) if shape.gated and shape.fused else "ffn"
    for name, out in first:
        tensors += owner.linear(prefix + name, out, width, component, bias=shape.bias, axes=(fused, "hidden"),
                              transposed=shape.transposed, stored=stored, used=used)
    return tensors + owner.linear(f"{prefix}down_proj", width, inner, component, bias=shape.down_bias,
                                axes=("hidden", "ffn"), transposed=shape.transposed, stored=stored, used=used)
