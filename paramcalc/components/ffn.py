"""Feed-forward layers, plain (up, down) and gated (gate, up, down)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

from paramcalc.axes import axis
from paramcalc.components.base import Component, Site, Size
from paramcalc.components.tape import tape

if TYPE_CHECKING:
    from paramcalc.components.tape import Policy, Tape, Value
    from paramcalc.tree import Saved, Tensor


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

    def tensors(self, site: Site) -> list[Tensor]:
        """Two or three projections."""
        shape = FeedShape(self.gated, self.fused, self.bias, self.bias if self.down_bias is None else self.down_bias,
                          self.transposed)
        return feed_forward(self, self.width(site), self.intermediate_size, shape, self.component)

    def saved(self, site: Site, policy: Policy) -> list[Saved]:
        """Input, activation, product, and dropout's noise."""
        t = tape(site, policy, self.component)
        shape = FeedShape(self.gated, self.fused, sparse=self.sparse)
        out = feed_forward_saved(t, t.stream(self.width(site)), self.intermediate_size, shape)
        t.dropout(out, t.how.hidden_dropout if t.how.ffn_residual_dropout else 0, "output")
        return t.saved


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
    found: list[Tensor] = []
    fused = axis("ffn", inner, 2) if shape.gated and shape.fused else "ffn"
    for name, out in first:
        found += owner.linear(prefix + name, out, width, component, bias=shape.bias, axes=(fused, "hidden"),
                              transposed=shape.transposed, stored=stored, used=used)
    return found + owner.linear(f"{prefix}down_proj", width, inner, component, bias=shape.down_bias,
                                axes=("hidden", "ffn"), transposed=shape.transposed, stored=stored, used=used)


def feed_forward_saved(tape: Tape, value: Value, inner: int, shape: FeedShape, prefix: str = "") -> Value:
    """What a feed-forward on `value` keeps; gives what it gives."""
    joint = shape.gated and shape.fused
    name = "gate_up_proj" if joint else "gate_proj" if shape.gated else "up_proj"
    first = tape.linear(value, inner * (2 if joint else 1), "ffn", weight=prefix + name)
    if shape.sparse:
        tape.keep(first, "gate before the cut")
        tape.keep(tape.new((*value.shape[:-1], 1), (*value.axes[:-1], "one"), value.per), "deviation")
        tape.keep(tape.new((1,), ("one",), "once"), "deviations above the mean")
        first = tape.like(first)
    made = tape.activation(first, tape.new((*value.shape[:-1], inner), (*value.axes[:-1], "ffn"), value.per),
                           gated=shape.gated)
    if shape.gated:
        up = first if joint else tape.linear(value, inner, "ffn", weight=f"{prefix}up_proj")
        made = tape.multiply(made, up, ("gate", "up"), tape.like(made))
    made = tape.dropout(made, tape.how.ffn_dropout, "inner")
    return tape.linear(made, value.shape[-1], "hidden", "down input", f"{prefix}down_proj")
