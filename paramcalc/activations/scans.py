"""What the parts that all scans have keep for backward: a short convolution, and tensors counted by blocks.

The arithmetic of torch is what transformers' classes fall back to without kernels; what the kernels keep is what their
autograd functions save: causal_conv1d `CausalConv1dFn`, mamba_ssm `MambaInnerFn`, `SelectiveScanFn` and
`MambaSplitConv1dScanCombinedFn`, flash-linear-attention `ChunkGatedDeltaRuleFunction`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.activations.forward import UnknownActivationsError
from paramcalc.activations.tape import Tape, Value
from paramcalc.components.mamba import MIXER

if TYPE_CHECKING:
    from paramcalc.activations.forward import Forward
    from paramcalc.activations.saved import Blocks, SavedPer

FLOAT = "float32"
AXES = ("heads", "head_dim", "state")


class ScanTape(Tape):
    """The tape of a mixer that takes `block` tokens at once."""

    def __init__(self, run: Forward, kind: str, block: int = 1, component: str = MIXER) -> None:
        """Raises UnknownActivationsError for a library whose formulas know no scans."""
        if run.policy.library != "transformers":
            raise UnknownActivationsError(kind)
        super().__init__(run, component)
        self.block = block

    @property
    def narrow(self) -> bool:
        """Whether the model's type is another than float32, so that what goes over to that is copied."""
        return self._type(FLOAT) is not None

    @property
    def copied(self) -> Blocks:
        """When a batched product has to copy a view of blocks: always with several sequences, else of several."""
        return "any" if self.policy.batch > 1 else "several"

    def blocks(self, name: str, shape: tuple[int, ...], per: SavedPer = "block_token", blocks: Blocks = "any",
               more: int = 0) -> None:
        """Note a float32 tensor whose first dimension is of heads, counted by blocks."""
        self.keep(Value(shape, AXES[:len(shape)], per, self._type(FLOAT), block=self.block, more=more, blocks=blocks),
                  name)

    def masks(self, *names: str) -> None:
        """Note a triangle of a block each."""
        for name in names:
            self.keep(self.new((self.block, self.block), ("one", "one"), "once", "bool"), name)

    def decay(self, shape: tuple[int, ...], axes: tuple[str, ...]) -> None:
        """`-exp(A)` keeps the exponential for itself and the negative for what it multiplies."""
        for name in ("exp A", "A"):
            self.keep(self.new(shape, axes, "once", FLOAT), name)

    def convolve(self, value: Value, channels: int, axis: str, kernel: int) -> Value:
        """A short convolution and its SiLU keep their input, that of SiLU with the padding; one kernel the first."""
        self.keep(value, "convolution input")
        if not self.fused:
            self.keep(self.padded(channels, axis, kernel), "convolution output")
        return self.new((channels,), (axis,))

    def padded(self, channels: int, axis: str, kernel: int) -> Value:
        """What torch's convolution gives: longer than the sequence by its padding, which a view leaves out."""
        return Value((channels,), (axis,), more=kernel - 1)
