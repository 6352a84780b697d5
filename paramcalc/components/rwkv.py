"""RWKV: time mixing in place of attention, channel mixing in place of a feed-forward."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from paramcalc.axes import axis
from paramcalc.components.base import Component, Size
from paramcalc.components.delta_rule import recurrence
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
        tensors = [self.vector(name, (inner,), ("inner",), MIXER) for name in ("time_decay", "time_first")]
        tensors += _mixes(self, width, ("key", "value", "receptance"), MIXER)
        for name in ("key", "value", "receptance"):
            tensors += self.linear(name, inner, width, MIXER, axes=("inner", "hidden"))
        return tensors + self.linear("output", width, inner, MIXER, axes=("hidden", "inner"))

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


class MatrixMix(Component):
    """RWKV 5 to 7: a matrix state `(head_dim, head_dim)` a head, decayed for each channel and token.

    Receptance, key, value, gate and output are `(hidden_size, hidden_size)`; from version 6 on low-rank pairs of
    matrices make the decay and the mixing of each token.
    """

    kind: Literal["rwkv_matrix_mix"] = "rwkv_matrix_mix"
    version: Literal[5, 6, 7]
    num_heads: Size
    head_dim: Size
    mix_rank: Size = 32
    """Of what mixes a token with the one before (6)."""
    decay_rank: Size = 64
    """Of the decay (6, 7)."""
    rate_rank: Size = 64
    """Of the in-context learning rate (7)."""
    value_rank: Size | None = None
    """Of what mixes in the first layer's values (7); none in the first layer itself."""
    gate_rank: Size = 128
    """Of the output gate (7)."""

    source: ClassVar[str] = "arXiv:2404.05892 sections 4.1 and 4.2 (5, 6); arXiv:2503.14456 section 4 (7)"

    def tensors(self, context: Context) -> list[Tensor]:
        """Mixing weights, decay, bonus, projections, a norm of each head's output."""
        return self._seventh(context) if self.version == 7 else self._earlier(context)

    def _earlier(self, context: Context) -> list[Tensor]:
        width, inner = self.width(context), self.num_heads * self.head_dim
        heads, heads_axis = ("heads", "head_dim"), axis("heads", self.num_heads, self.head_dim)
        tensors: list[Tensor] = []
        if self.version == 5:
            tensors += _mixes(self, width, ("key", "value", "receptance", "gate"), MIXER)
            tensors.append(self.vector("time_decay", (self.num_heads, self.head_dim), heads, MIXER))
        else:
            tensors += [self._wide(f"time_maa_{name}", width) for name in "xwkvrg"]
            tensors += [self.vector("time_maa_w1", (width, 5 * self.mix_rank), ("hidden", "latent"), MIXER, "matmul"),
                      self.vector("time_maa_w2", (5, self.mix_rank, width), ("one", "latent", "hidden"), MIXER,
                                  "matmul"),
                      self._wide("time_decay", inner),
                      self.vector("time_decay_w1", (width, self.decay_rank), ("hidden", "latent"), MIXER, "matmul"),
                      self.vector("time_decay_w2", (self.decay_rank, inner), ("latent", heads_axis), MIXER, "matmul")]
        tensors.append(self.vector("time_faaaa", (self.num_heads, self.head_dim), heads, MIXER))
        for name in ("receptance", "key", "value", "gate"):
            tensors += self.linear(name, inner, width, MIXER, axes=(heads_axis, "hidden"))
        return (tensors + self.linear("output", width, inner, MIXER, axes=("hidden", heads_axis))
                + self.norm("ln_x", inner, bias=True, axis=heads_axis))

    def _seventh(self, context: Context) -> list[Tensor]:
        width, inner = self.width(context), self.num_heads * self.head_dim
        heads_axis = axis("heads", self.num_heads, self.head_dim)
        tensors = [self._wide(f"x_{name}", width) for name in "rwkvag"]
        tensors += [self.vector(name, (inner,), (heads_axis,), MIXER) for name in ("k_k", "k_a")]
        tensors.append(self.vector("r_k", (self.num_heads, self.head_dim), ("heads", "head_dim"), MIXER))
        for name in ("r_proj", "k_proj", "v_proj"):
            tensors += self.linear(name, inner, width, MIXER, axes=(heads_axis, "hidden"))
        tensors += self.linear("o_proj", width, inner, MIXER, axes=("hidden", heads_axis))
        ranks = {"w": self.decay_rank, "v": self.value_rank, "a": self.rate_rank, "g": self.gate_rank}
        for name, rank in ranks.items():
            if rank is not None:
                tensors += self.linear(f"{name}_lora.lora.0", rank, width, MIXER, axes=("latent", "hidden"))
                tensors += self.linear(f"{name}_lora.lora.2", inner, rank, MIXER, bias=name != "g",
                                     axes=(heads_axis, "latent"))
        return tensors + self.norm("g_norm", inner, bias=True, axis=heads_axis)

    def _wide(self, name: str, width: int) -> Tensor:
        return self.vector(name, (1, 1, width), ("one", "one", "hidden"), MIXER)

    def states(self, context: Context) -> Iterable[State]:
        """The last input, and a matrix a head in float32."""
        return [State("shift", (self.width(context),), ("hidden",), "sequence", component=MIXER, kind="state"),
                State("matrix", (self.num_heads, self.head_dim, self.head_dim), ("heads", "head_dim", "state"),
                      "sequence", dtype="float32", component=MIXER, kind="state")]

    def work(self, context: Context) -> list[Work]:
        """Multiply-adds for each value of a head's matrix: decay, input and read-out, and for version 7 the
        correction's two more."""
        steps = 5 if self.version == 7 else 3
        return [recurrence((self.num_heads, self.head_dim, self.head_dim), steps)]


class ChannelMix(Component):
    """`σ(receptance(x)) · value(relu(key(x))²)` of this token mixed with the one before; version 7 has no receptance.
    """

    kind: Literal["rwkv_channel_mix"] = "rwkv_channel_mix"
    intermediate_size: Size
    version: Literal[4, 6, 7] = 4

    source: ClassVar[str] = "arXiv:2305.13048 section 3.1; transformers RwkvFeedForward"

    def tensors(self, context: Context) -> list[Tensor]:
        """Vectors that mix a token with the last one, and weights of the projections."""
        width = self.width(context)
        if self.version == 7:
            tensors = [self.vector("x_k", (width,), ("hidden",), "ffn")]
        else:
            tensors = _mixes(self, width, ("key", "receptance"), "ffn", short=self.version == 6)
        tensors += self.linear("key", self.intermediate_size, width, "ffn", axes=("ffn", "hidden"))
        if self.version != 7:
            tensors += self.linear("receptance", width, width, "ffn", axes=("out", "hidden"))
        return tensors + self.linear("value", width, self.intermediate_size, "ffn", axes=("hidden", "ffn"))

    def states(self, context: Context) -> Iterable[State]:
        """The last input, `hidden_size` values of each sequence."""
        return [State("shift", (self.width(context),), ("hidden",), "sequence", component="ffn", kind="state")]


def _mixes(part: Component, width: int, names: tuple[str, ...], component: str, *, short: bool = False) -> list[Tensor]:
    """A vector for each thing that is made of a token mixed with the one before."""
    spelled = [f"time_maa_{name[0]}" if short else f"time_mix_{name}" for name in names]
    return [part.vector(name, (1, 1, width), ("one", "one", "hidden"), component) for name in spelled]
