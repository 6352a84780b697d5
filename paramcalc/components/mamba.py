"""Selective state space layers: Mamba and Mamba-2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from paramcalc.axes import Axis, Run, axis
from paramcalc.components.base import Component, Count, Size
from paramcalc.components.problems import impossible
from paramcalc.errors import HEADS
from paramcalc.tree import Context, State, Tensor, Work

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self


MIXER = "state_mixer"


class Mamba(Component):
    """Mamba-1: a gated expansion to `inner_size`, a short convolution, a scan with `state_size` values a channel."""

    kind: Literal["mamba"] = "mamba"
    inner_size: Size
    state_size: Size
    dt_rank: Size
    conv_kernel: Annotated[int, Field(ge=1, le=1024)] = 4
    bias: bool = False
    conv_bias: bool = True
    dt_norms: bool = False
    """RMSNorm on dt, B and C (Jamba)."""
    heads: Size = 1
    """Groups of channels with selection parameters of their own, kept as arrays `[heads, …]` (Zamba)."""
    beside: Count = 0
    """Further values its first projection makes, of which attention in the same layer takes queries, keys and values
    (Hymba)."""

    source: ClassVar[str] = ("arXiv:2312.00752; arXiv:2411.13676; transformers MambaMixer, JambaMambaMixer, "
                             "ZambaMambaMixer")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.inner_size % self.heads:
            raise impossible(f"{self.heads} does not divide inner_size ({self.inner_size})", "", "heads", HEADS,
                             ("inner_size",))
        return self

    def tensors(self, context: Context) -> list[Tensor]:
        """Weights of the projections and the convolution, and the vectors A and D."""
        inner, width = self.inner_size, self.width(context)
        tensors = self._selection() if self.heads == 1 else self._selection_by_head()
        tensors += convolution(self, inner, self.conv_kernel, bias=self.conv_bias)
        tensors += self.linear("in_proj", 2 * inner + self.beside, width, MIXER, bias=self.bias,
                             axes=(self.joined(), "hidden"))
        tensors += self.linear("out_proj", width, inner, MIXER, bias=self.bias, axes=("hidden", "inner"))
        if self.dt_norms:
            tensors += self.norm("dt_layernorm", self.dt_rank, axis="dt")
            tensors += self.norm("b_layernorm", self.state_size, axis="state")
            tensors += self.norm("c_layernorm", self.state_size, axis="state")
        return tensors

    def joined(self) -> Axis:
        """What the first projection makes: the scan's input, its gate, and what attention beside it reads."""
        inner = Run("inner", self.inner_size, 2)
        return Axis(inner, Run("beside", self.beside, 1)) if self.beside else Axis(inner)

    def _selection(self) -> list[Tensor]:
        inner, state = self.inner_size, self.state_size
        tensors = [self.vector("A_log", (inner, state), ("inner", "state"), MIXER),
                 self.vector("D", (inner,), ("inner",), MIXER)]
        tensors += self.linear("x_proj", self.dt_rank + 2 * state, inner, MIXER, axes=("dt", "inner"))
        return tensors + self.linear("dt_proj", inner, self.dt_rank, MIXER, bias=True, axes=("inner", "dt"))

    def _selection_by_head(self) -> list[Tensor]:
        heads, state, rank = self.heads, self.state_size, self.dt_rank
        part = self.inner_size // heads
        return [
            self.vector("A_log", (heads, part, state), ("one", "inner", "state"), MIXER),
            self.vector("D", (heads, part), ("one", "inner"), MIXER),
            self.vector("x_proj_weight", (heads, rank + 2 * state, part), ("one", "dt", "inner"), MIXER, "matmul"),
            self.vector("dt_proj_weight", (heads, part, rank), ("one", "inner", "dt"), MIXER, "matmul"),
            self.vector("dt_proj_bias", (heads, part), ("one", "inner"), MIXER),
        ]

    def states(self, context: Context) -> Iterable[State]:
        """The last `conv_kernel` inputs of the convolution and the scan's state, whatever the length."""
        return [State("conv", (self.inner_size, self.conv_kernel), ("inner", "kernel"), "sequence",
                      component=MIXER, kind="state"),
                State("ssm", (self.inner_size, self.state_size), ("inner", "state"), "sequence", dtype="float32",
                      component=MIXER, kind="state")]

    def work(self, context: Context) -> Iterable[Work]:
        """The scan, decay and input, elementwise; the read-out, a product with C: three multiply-adds a state value."""
        state, axes = (self.inner_size, self.state_size), ("inner", "state")
        return [Work("scan", (2, *state), ("one", *axes), MIXER, "token", fused=True),
                Work("read_out", state, axes, MIXER, "token")]


class Mamba2(Component):
    """Mamba-2: scalar decay for each of `num_heads`, B and C shared within `groups`."""

    kind: Literal["mamba2"] = "mamba2"
    num_heads: Size
    head_dim: Size
    state_size: Size
    groups: Size = 1
    conv_kernel: Annotated[int, Field(ge=1, le=1024)] = 4
    bias: bool = False
    conv_bias: bool = True
    out_bias: bool | None = None
    """Bias of the output projection, where it differs from the input's (Falcon-H1)."""
    block_size: Size = 256
    """Tokens the scan of a prompt takes at once; FLOPs alone depend on it."""
    gated_norm: bool = True
    """RMSNorm over the inner width before the output projection."""

    source: ClassVar[str] = "arXiv:2405.21060; transformers Mamba2Mixer, FalconH1Mixer, NemotronHMamba2Mixer"

    def _inner(self) -> int:
        return self.num_heads * self.head_dim

    def channels(self) -> int:
        """Channels the convolution slides over: x, B and C."""
        return self._inner() + 2 * self.groups * self.state_size

    def channel_axis(self) -> Axis:
        """x, B and C as one dimension."""
        return Axis(Run("heads", self.num_heads, self.head_dim), Run("groups", self.groups, 2 * self.state_size))

    def joined(self) -> Axis:
        """The gate, x, B, C and dt as one dimension."""
        return Axis(Run("heads", self.num_heads, 2 * self.head_dim + 1),
                    Run("groups", self.groups, 2 * self.state_size))

    def tensors(self, context: Context) -> list[Tensor]:
        """One input projection for everything, convolution, decay, skip, gated norm, output."""
        inner, heads, width = self._inner(), self.num_heads, self.width(context)
        heads_axis = axis("heads", heads, self.head_dim)
        tensors = [self.vector(name, (heads,), ("heads",), MIXER) for name in ("dt_bias", "A_log", "D")]
        tensors += convolution(self, self.channels(), self.conv_kernel, bias=self.conv_bias, axis=self.channel_axis())
        tensors += self.linear("in_proj", inner + self.channels() + heads, width, MIXER, bias=self.bias,
                             axes=(self.joined(), "hidden"))
        if self.gated_norm:
            tensors += self.norm("norm", inner, axis=heads_axis)
        bias = self.bias if self.out_bias is None else self.out_bias
        return tensors + self.linear("out_proj", width, inner, MIXER, bias=bias, axes=("hidden", heads_axis))

    def states(self, context: Context) -> Iterable[State]:
        """The last `conv_kernel` inputs of the convolution and one `(head_dim, state_size)` matrix a head."""
        return [State("conv", (self.channels(), self.conv_kernel), (self.channel_axis(), "kernel"), "sequence",
                      component=MIXER, kind="state"),
                State("ssm", (self.num_heads, self.head_dim, self.state_size), ("heads", "head_dim", "state"),
                      "sequence", dtype="float32", component=MIXER, kind="state")]

    def work(self, context: Context) -> Iterable[Work]:
        """The prompt in blocks (arXiv:2405.21060 section 6): C·B and its product with x within a block, a block's state
        in and out, states carried over blocks; after cached tokens the recurrence and its read-out."""
        heads, dim, state = self.num_heads, self.head_dim, self.state_size
        axes = ("heads", "head_dim", "state")
        block: dict[str, Any] = {"component": MIXER, "block": self.block_size, "when": "prompt"}
        return [Work("within", (heads, state + dim), axes[:2], per="block_pair", **block),
                Work("in_and_out", (2, heads, dim, state), ("one", *axes), per="block_token", **block),
                Work("carried", (heads, dim, state), axes, per="block_square", **block),
                Work("scan", (2, heads, dim, state), ("one", *axes), MIXER, "token", when="cached", fused=True),
                Work("read_out", (heads, dim, state), axes, MIXER, "token", when="cached")]


class SelectiveMamba2(Component):
    """Mamba-2's heads, with dt, B and C made from what the convolution gives, through a norm each (PLaMo 2)."""

    kind: Literal["selective_mamba2"] = "selective_mamba2"
    num_heads: Size
    head_dim: Size
    state_size: Size
    dt_rank: Size
    conv_kernel: Annotated[int, Field(ge=1, le=1024)] = 4
    block_size: Size = 256
    """Tokens the scan of a prompt takes at once; FLOPs alone depend on it."""

    source: ClassVar[str] = "pfnet/plamo-2-1b modeling_plamo.py, class Mamba"

    def tensors(self, context: Context) -> list[Tensor]:
        """Gate and input as one matrix, convolution, selection, decay, skip, output."""
        heads, width = self.num_heads, self.width(context)
        inner, heads_axis = heads * self.head_dim, axis("heads", heads, self.head_dim)
        tensors = [self.vector(name, (heads,), ("heads",), MIXER) for name in ("dt_bias", "A_log", "D")]
        tensors += convolution(self, inner, self.conv_kernel, bias=False, axis=heads_axis)
        tensors += self.linear("in_proj", 2 * inner, width, MIXER, axes=(axis("heads", heads, 2 * self.head_dim),
                                                                       "hidden"))
        tensors += self.linear("bcdt_proj", self.dt_rank + 2 * self.state_size, inner, MIXER, axes=("dt", heads_axis))
        tensors += self.linear("dt_proj", heads, self.dt_rank, MIXER, axes=("heads", "dt"))
        for name, size in (("dt_norm", self.dt_rank), ("b_norm", self.state_size), ("c_norm", self.state_size)):
            tensors.append(self.vector(f"{name}.weight", (size,), ("state",), "norm"))
        return tensors + self.linear("out_proj", width, inner, MIXER, axes=("hidden", heads_axis))

    def _scan(self) -> Mamba2:
        return Mamba2(num_heads=self.num_heads, head_dim=self.head_dim, state_size=self.state_size,
                      conv_kernel=self.conv_kernel, block_size=self.block_size)

    def states(self, context: Context) -> Iterable[State]:
        """The last inputs of the convolution, which B and C do not pass, and a matrix a head."""
        heads_axis = axis("heads", self.num_heads, self.head_dim)
        convolved = State("conv", (self.num_heads * self.head_dim, self.conv_kernel), (heads_axis, "kernel"),
                          "sequence", component=MIXER, kind="state")
        return [convolved, *(state for state in self._scan().states(context) if state.name != "conv")]

    def work(self, context: Context) -> Iterable[Work]:
        """Multiply-adds of the scan, as in Mamba-2."""
        return self._scan().work(context)


def convolution(
    component: Component, channels: int, kernel: int, *, bias: bool, name: str = "conv1d", axis: str = "inner",
) -> list[Tensor]:
    """A depthwise convolution over positions: `(channels, 1, kernel)` and a bias `(channels,)`."""
    weight = Tensor(component.spell(name, "weight"), (channels, 1, kernel), (axis, "one", "kernel"), "conv", MIXER)
    if not bias:
        return [weight]
    return [weight, Tensor(component.spell(name, "bias"), (channels,), (axis,), "vector", MIXER)]
