"""RWKV-4: time mixing in place of attention, channel mixing in place of a feed-forward."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from paramcalc.components.base import Component, Size
from paramcalc.components.mamba import MIXER
from paramcalc.tree import Context, State, Tensor, Work

if TYPE_CHECKING:
    from collections.abc import Iterable



class TimeMix(Component):
    """Receptance, key and value `(attention_size, hidden_size)` of this token mixed with the one before."""

    kind: Literal["rwkv_time_mix"] = "rwkv_time_mix"
    attention_size: Size | None = None
    """The residual width when not given."""

    source: ClassVar[str] = "arXiv:2305.13048 section 3.1; transformers RwkvSelfAttention"

    def tensors(self, context: Context) -> list[Tensor]:
        """Decay, bonus, mixing weights, projections."""
        width = self.width(context)
        inner = self.attention_size or width
        found = [self.vector(name, (inner,), ("inner",), MIXER) for name in ("time_decay", "time_first")]
        found += _mixes(self, width, ("key", "value", "receptance"), MIXER)
        for name in ("key", "value", "receptance"):
            found += self.linear(name, inner, width, MIXER, axes=("inner", "hidden"))
        return found + self.linear("output", width, inner, MIXER, axes=("hidden", "inner"))

    def states(self, context: Context) -> Iterable[State]:
        """The last input, and numerator, denominator and maximum of the weighted mean in float32."""
        inner = self.attention_size or self.width(context)
        sums = [State(name, (inner,), ("inner",), "sequence", dtype="float32", component=MIXER, kind="state")
                for name in ("numerator", "denominator", "maximum")]
        return [State("shift", (self.width(context),), ("hidden",), "sequence", component=MIXER, kind="state"), *sums]

    def work(self, context: Context) -> Iterable[Work]:
        """The recurrence: numerator and denominator decayed and added to, four multiply-adds a channel."""
        return [Work("scan", (4, self.attention_size or self.width(context)), ("one", "inner"), MIXER, "token",
                     fused=True)]


class ChannelMix(Component):
    """`σ(receptance(x)) · value(relu(key(x))²)` of this token mixed with the one before."""

    kind: Literal["rwkv_channel_mix"] = "rwkv_channel_mix"
    intermediate_size: Size

    source: ClassVar[str] = "arXiv:2305.13048 section 3.1; transformers RwkvFeedForward"

    def tensors(self, context: Context) -> list[Tensor]:
        """Mixing weights and three projections."""
        width = self.width(context)
        found = _mixes(self, width, ("key", "receptance"), "ffn")
        found += self.linear("key", self.intermediate_size, width, "ffn", axes=("ffn", "hidden"))
        found += self.linear("receptance", width, width, "ffn", axes=("out", "hidden"))
        return found + self.linear("value", width, self.intermediate_size, "ffn", axes=("hidden", "ffn"))

    def states(self, context: Context) -> Iterable[State]:
        """The last input."""
        return [State("shift", (self.width(context),), ("hidden",), "sequence", component="ffn", kind="state")]


def _mixes(part: Component, width: int, names: tuple[str, ...], component: str) -> list[Tensor]:
    return [part.vector(f"time_mix_{name}", (1, 1, width), ("one", "one", "hidden"), component) for name in names]
