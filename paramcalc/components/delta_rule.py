"""Delta-rule attention: a matrix state a head, decayed and corrected at each token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from paramcalc.axes import Axis, Run, axis
from paramcalc.components.base import Component, Size
from paramcalc.components.mamba import MIXER, convolution
from paramcalc.tree import Context, State, Tensor, Work

if TYPE_CHECKING:
    from collections.abc import Iterable


DeltaLayout = Literal["qkvz", "qkv", "separate", "joined"]
"""What one matrix of the input's projections holds."""


class GatedDelta(Component):
    """`key_heads` heads of `key_dim`, `value_heads` heads of `value_dim`, short convolution, gated norm.

    One decay and one correction strength for each value head and token.
    """

    kind: Literal["gated_delta"] = "gated_delta"
    key_heads: Size
    value_heads: Size
    key_dim: Size
    value_dim: Size
    conv_kernel: Annotated[int, Field(ge=1, le=1024)] = 4
    block_size: Size = 64
    """Tokens of a prompt taken at once; FLOPs alone depend on it."""
    layout: DeltaLayout = "qkvz"
    """Which projections are one matrix in files: q, k, v with the gate and b with a (Qwen3-Next); q, k, v (Qwen3.5);
    none, the convolutions apart as well (OLMo Hybrid); or all (Lara Mini)."""

    source: ClassVar[str] = "arXiv:2412.06464; transformers Qwen3NextGatedDeltaNet, OlmoHybridGatedDeltaNet"

    def _sizes(self) -> tuple[int, int]:
        return self.key_heads * self.key_dim, self.value_heads * self.value_dim

    def joined(self, values: int = 1, more: int = 0) -> Axis:
        """q, k and v, and with `values` of 2 the gate z beside them; `more` single values for each value head."""
        return Axis(Run("heads", self.key_heads, 2 * self.key_dim),
                    Run("heads", self.value_heads, values * self.value_dim + more))

    def projections(self) -> list[tuple[str, int, Axis]]:
        """What reads the input: name, outputs and their axis."""
        (keys, values), heads = self._sizes(), self.value_heads
        value, single = axis("heads", heads, self.value_dim), axis("heads", heads)
        if self.layout == "qkvz":
            return [("in_proj_qkvz", 2 * keys + 2 * values, self.joined(2)),
                    ("in_proj_ba", 2 * heads, axis("heads", heads, 2))]
        if self.layout == "joined":
            return [("in_proj", 2 * keys + 2 * values + 2 * heads, self.joined(2, 2))]
        if self.layout == "qkv":
            return [("in_proj_qkv", 2 * keys + values, self.joined()), ("in_proj_z", values, value),
                    ("in_proj_b", heads, single), ("in_proj_a", heads, single)]
        key = axis("heads", self.key_heads, self.key_dim)
        return [("q_proj", keys, key), ("k_proj", keys, key), ("v_proj", values, value), ("g_proj", values, value),
                ("b_proj", heads, single), ("a_proj", heads, single)]

    def _convolved(self) -> list[tuple[str, int, Axis]]:
        if self.layout == "separate":
            return [(name.replace("proj", "conv1d"), size, runs) for name, size, runs in self.projections()[:3]]
        keys, values = self._sizes()
        return [("conv1d", 2 * keys + values, self.joined())]

    def tensors(self, context: Context) -> list[Tensor]:
        """Input projections, convolution, decay, gated norm, output."""
        width, (_, values) = self.width(context), self._sizes()
        tensors = [self.vector(name, (self.value_heads,), ("heads",), MIXER) for name in ("dt_bias", "A_log")]
        for name, channels, axis_name in self._convolved():
            tensors += convolution(self, channels, self.conv_kernel, bias=False, name=name, axis=axis_name)
        for name, out, axis_name in self.projections():
            tensors += self.linear(name, out, width, MIXER, axes=(axis_name, "hidden"))
        tensors += self.norm("norm", self.value_dim, axis="head_dim")
        return tensors + self.linear("out_proj", width, values, MIXER,
                                   axes=("hidden", axis("heads", self.value_heads, self.value_dim)))

    def states(self, context: Context) -> Iterable[State]:
        """The last `conv_kernel` inputs of the convolution and one `(key_dim, value_dim)` matrix a value head."""
        keys, values = self._sizes()
        return delta_states(2 * keys + values, self.joined(), self.conv_kernel,
                            (self.value_heads, self.key_dim, self.value_dim))

    def work(self, context: Context) -> Iterable[Work]:
        """The prompt in blocks, see `delta_blocks`; after cached tokens the recurrence."""
        return delta_blocks(self.value_heads, self.key_dim, self.value_dim, self.block_size)


DECAYS: dict[str, tuple[str, ...]] = {"heads": ("heads",), "broadcast": ("one", "one", "heads", "one"),
                                      "channels": ("head_dim",)}


class KimiDelta(Component):
    """Kimi delta attention: as the gated delta rule, but each channel of a key decays at its own rate.

    q, k and v are `(num_heads·head_dim, hidden_size)` each with a short convolution; decay and output gate come from
    low-rank or full projections.
    """

    kind: Literal["kimi_delta"] = "kimi_delta"
    num_heads: Size
    head_dim: Size
    conv_kernel: Annotated[int, Field(ge=1, le=1024)] = 4
    block_size: Size = 64
    """Tokens of a prompt taken at once; FLOPs alone depend on it."""
    gate_rank: Size | None = None
    """Rank of the decay's and the output gate's projections; one full matrix each when not given (Ling)."""
    full_output_gate: bool = False
    """The output gate is one full matrix, whatever the rank of the decay's projections (Kimi K3)."""
    decay_shape: Literal["heads", "broadcast", "channels"] = "heads"
    """How files keep the log decay: `(num_heads,)`, `(1, 1, num_heads, 1)`, or `(head_dim,)` for all heads."""

    source: ClassVar[str] = "arXiv:2510.26692; transformers KimiLinearDeltaAttention, BailingHybridDeltaAttention"

    def tensors(self, context: Context) -> list[Tensor]:
        """Projections and their convolutions, decay, correction strength, gate, norm, output."""
        width, heads = self.width(context), self.num_heads
        inner, heads_axis = heads * self.head_dim, axis("heads", heads, self.head_dim)
        tensors: list[Tensor] = []
        for name in ("q", "k", "v"):
            tensors += self.linear(f"{name}_proj", inner, width, MIXER, axes=(heads_axis, "hidden"))
            tensors += convolution(self, inner, self.conv_kernel, bias=False, name=f"{name}_conv1d", axis=heads_axis)
        axes = DECAYS[self.decay_shape]
        sizes = {"heads": heads, "head_dim": self.head_dim, "one": 1}
        tensors.append(self.vector("A_log", tuple(sizes[name] for name in axes), axes, MIXER))
        tensors.append(self.vector("dt_bias", (inner,), (heads_axis,), MIXER))
        tensors += self._gate("f", inner, width, self.gate_rank)
        tensors += self._gate("g", inner, width, None if self.full_output_gate else self.gate_rank)
        tensors += self.linear("b_proj", heads, width, MIXER, axes=("heads", "hidden"))
        tensors += self.norm("o_norm", self.head_dim, axis="head_dim")
        return tensors + self.linear("o_proj", width, inner, MIXER, axes=("hidden", heads_axis))

    def _gate(self, name: str, out: int, width: int, rank: int | None) -> list[Tensor]:
        heads_axis = axis("heads", self.num_heads, self.head_dim)
        if rank is None:
            return self.linear(f"{name}_proj", out, width, MIXER, axes=(heads_axis, "hidden"))
        return (self.linear(f"{name}_a_proj", rank, width, MIXER, axes=("latent", "hidden"))
                + self.linear(f"{name}_b_proj", out, rank, MIXER, axes=(heads_axis, "latent")))

    def states(self, context: Context) -> Iterable[State]:
        """The last `conv_kernel` inputs of the convolutions and one `(head_dim, head_dim)` matrix a head."""
        channels = 3 * self.num_heads * self.head_dim
        return delta_states(channels, axis("heads", self.num_heads, 3 * self.head_dim), self.conv_kernel,
                            (self.num_heads, self.head_dim, self.head_dim))

    def work(self, context: Context) -> Iterable[Work]:
        """The prompt in blocks, see `delta_blocks`; after cached tokens the recurrence."""
        return delta_blocks(self.num_heads, self.head_dim, self.head_dim, self.block_size)


def delta_states(channels: int, axis_name: str, kernel: int, matrix: tuple[int, int, int]) -> list[State]:
    """The inputs a convolution still needs, and a matrix a head in float32."""
    return [State("conv", (channels, kernel), (axis_name, "kernel"), "sequence", component=MIXER, kind="state"),
            State("delta", matrix, ("heads", "head_dim", "state"), "sequence", dtype="float32", component=MIXER,
                  kind="state")]


def delta_blocks(heads: int, key: int, value: int, block: int) -> list[Work]:
    """The delta rule by blocks (arXiv:2406.06484 section 3): keys with keys, queries with keys, weights with values
    within a block, a triangular system for the corrections, and three products with the state; else token by token."""
    axes = ("heads", "head_dim", "state")
    prompt: dict[str, Any] = {"component": MIXER, "block": block, "when": "prompt"}
    return [Work("within", (heads, 2 * key + value), axes[:2], per="block_pair", **prompt),
            Work("corrections", (heads, key + value), axes[:2], per="block_pair", fused=True, **prompt),
            Work("in_and_out", (3, heads, key, value), ("one", *axes), per="block_token", **prompt),
            recurrence((heads, key, value))._replace(when="cached")]


def recurrence(matrix: tuple[int, int, int], steps: int = 4) -> Work:
    """`steps` multiply-adds for each value of a matrix state, at each token."""
    return Work("scan", (steps, *matrix), ("one", "heads", "head_dim", "state"), MIXER, "token", fused=True)
