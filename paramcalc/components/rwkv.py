"""RWKV-4: time mixing in place of attention, channel mixing in place of a feed-forward."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from paramcalc.components.base import Component, Site, Size
from paramcalc.components.scans import FLOAT, MIXER, ScanTape
from paramcalc.tree import State, Tensor, Work

if TYPE_CHECKING:
    from collections.abc import Iterable

    from paramcalc.components.tape import Policy
    from paramcalc.tree import Saved


class TimeMix(Component):
    """Receptance, key and value `(attention_size, hidden_size)` of this token mixed with the one before."""

    kind: Literal["rwkv_time_mix"] = "rwkv_time_mix"
    attention_size: Size | None = None
    """The residual width when not given."""

    source: ClassVar[str] = "arXiv:2305.13048 section 3.1; transformers RwkvSelfAttention"

    def tensors(self, site: Site) -> list[Tensor]:
        """Decay, bonus, mixing weights, projections."""
        width = self.width(site)
        inner = self.attention_size or width
        found = [self.vector(name, (inner,), ("inner",), MIXER) for name in ("time_decay", "time_first")]
        found += _mixes(self, width, ("key", "value", "receptance"), MIXER)
        for name in ("key", "value", "receptance"):
            found += self.linear(name, inner, width, MIXER, axes=("inner", "hidden"))
        return found + self.linear("output", width, inner, MIXER, axes=("hidden", "inner"))

    def saved(self, site: Site, policy: Policy) -> list[Saved]:
        """Mixed inputs, then token by token twelve values a channel of the recurrence (`rwkv_linear_attention_cpu`), or
        key, value and output of the kernel (`RwkvLinearAttention`); receptance, output."""
        t, width = ScanTape(site, policy, self.kind), self.width(site)
        size = (self.attention_size or width,)
        _mixed(t, width, {"key": size[0], "value": size[0], "receptance": size[0]})
        t.keep(t.new(size, ("inner",), "once", FLOAT if t.fused else None), "exp decay")
        t.keep(t.new(size, ("inner",)), "value")
        if t.fused:
            t.keep(t.new(size, ("inner",), "once", FLOAT), "decay")
            t.keep(t.new(size, ("inner",)), "key")
        else:
            t.keep(t.new((12, *size), ("one", "inner"), dtype=FLOAT), "recurrence")
        x = t.multiply(t.new(size, ("inner",)), t.new(size, ("inner",)), ("receptance", "weighted mean"))
        t.linear(x, width, "hidden", "output", "output")
        return t.saved

    def states(self, site: Site) -> Iterable[State]:
        """The last input, and numerator, denominator and maximum of the weighted mean in float32."""
        inner = self.attention_size or self.width(site)
        sums = [State(name, (inner,), ("inner",), "sequence", dtype="float32", component=MIXER, kind="state")
                for name in ("numerator", "denominator", "maximum")]
        return [State("shift", (self.width(site),), ("hidden",), "sequence", component=MIXER, kind="state"), *sums]

    def work(self, site: Site) -> Iterable[Work]:
        """The recurrence: numerator and denominator decayed and added to, four multiply-adds a channel."""
        return [Work("scan", (4, self.attention_size or self.width(site)), ("one", "inner"), MIXER, "token",
                     fused=True)]


class ChannelMix(Component):
    """`σ(receptance(x)) · value(relu(key(x))²)` of this token mixed with the one before."""

    kind: Literal["rwkv_channel_mix"] = "rwkv_channel_mix"
    intermediate_size: Size

    source: ClassVar[str] = "arXiv:2305.13048 section 3.1; transformers RwkvFeedForward"

    def tensors(self, site: Site) -> list[Tensor]:
        """Mixing weights and three projections."""
        width = self.width(site)
        found = _mixes(self, width, ("key", "receptance"), "ffn")
        found += self.linear("key", self.intermediate_size, width, "ffn", axes=("ffn", "hidden"))
        found += self.linear("receptance", width, width, "ffn", axes=("out", "hidden"))
        return found + self.linear("value", width, self.intermediate_size, "ffn", axes=("hidden", "ffn"))

    def saved(self, site: Site, policy: Policy) -> list[Saved]:
        """Mixed inputs, the key's relu and its square, receptance and value."""
        t, width = ScanTape(site, policy, self.kind, component="ffn"), self.width(site)
        _mixed(t, width, {"key": self.intermediate_size, "receptance": width})
        t.keep(t.new((self.intermediate_size,), ("ffn",)), "relu")
        out = t.linear(t.new((self.intermediate_size,), ("ffn",)), width, "hidden", "value input", "value")
        t.multiply(t.new((width,), ("hidden",)), out, ("receptance", "value"))
        return t.saved

    def states(self, site: Site) -> Iterable[State]:
        """The last input."""
        return [State("shift", (self.width(site),), ("hidden",), "sequence", component="ffn", kind="state")]


def _mixed(t: ScanTape, width: int, sizes: dict[str, int]) -> None:
    """This token and the one before, one less each share, and what the projections read."""
    t.keep(t.stream(width), "input")
    t.keep(t.new((width,), ("hidden",)), "shifted input")
    for name, size in sizes.items():
        t.keep(t.new((width,), ("hidden",), "once"), f"rest of {name}")
        t.linear(t.new((width,), ("hidden",)), size, "inner", f"{name} input", name)


def _mixes(part: Component, width: int, names: tuple[str, ...], component: str) -> list[Tensor]:
    return [part.vector(f"time_mix_{name}", (1, 1, width), ("one", "one", "hidden"), component) for name in names]
