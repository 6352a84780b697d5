"""Which weights of a component are trained, and the adapters beside them: what an operation keeps depends on it.

A product with a frozen weight needs the weight for the gradient of its input, and nothing else (torch
`derivatives.yaml`, guarded by which gradients are asked for). Adapters as huggingface/peft computes them:
`tuners/lora/layer.py` (the input in the adapter's type, then A, B and a sum), `tuners/lora/dora.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from paramcalc.catalog.formats import find_format

if TYPE_CHECKING:
    from collections.abc import Iterable

    from paramcalc.tree import Tensor

RANK = "rank"
"""The axis all adapters have."""


class Adapter(NamedTuple):
    """LoRA beside one weight."""

    rank: int
    dtype: str | None
    """`float32` where it is held so; the computation's otherwise."""
    dora: bool = False
    dropout: float = 0.0


class Weights(NamedTuple):
    """What of a component is trained."""

    trained: frozenset[str]
    """Matrices, by their part."""
    adapters: dict[str, Adapter]
    vectors: bool
    """Scales of norms are trained."""

    def trains(self, part: str | None) -> bool:
        """Whether a matrix has a gradient; of one that is not named, whether any or an adapter has."""
        return bool(self.trained or self.adapters) if part is None else part in self.trained


def weights_of(tensors: Iterable[Tensor], dropout: float = 0.0) -> Weights | None:
    """The trained weights of a component of which some parameters are frozen; None where all are trained. `dropout`
    falls on what its adapters read."""
    tensors = [tensor for tensor in tensors if not tensor.buffer]
    matrices = [t for t in tensors if t.role != "vector" and RANK not in t.axes]
    vectors = [t for t in tensors if t.role == "vector"]
    if not any(t.frozen for t in matrices) and not (vectors and all(t.frozen for t in vectors)):
        return None
    scaled = {t.part for t in vectors if not t.frozen and "magnitude" in t.name}
    adapters = {t.part: Adapter(t.shape[0], _type(t.dtype), t.part in scaled, dropout)
                for t in tensors if t.axes[0] == RANK}
    return Weights(frozenset(t.part for t in matrices if not t.frozen), adapters,
                   any(not t.frozen and t.part not in scaled for t in vectors))


def _type(dtype: str | None) -> str | None:
    return "float32" if dtype and find_format(dtype).bits == 32 else None
