"""Optimizers: the exact bytes of state each keeps for a tensor of a given shape and role.

The table is `optimizers.json`. Full-size states are a multiple of the tensor; factored, projected and preconditioned
ones follow its sides, so there is no honest "bytes a parameter" for them. Master weights and gradients are not counted
here, nor step counters, which are one number a tensor and usually live on the host.

In the table `rule` names the function below that counts; `buffers` are full-size tensors; `state_bytes` is of one
number of state, and absent where it is the dtype of the tensor that is updated (the FP32 master, where there is one).
The other fields are the optimizer's own defaults.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cache
from math import prod
from types import MappingProxyType
from typing import TYPE_CHECKING

from paramcalc.catalog._data import mapping, read_table, slug, texts, unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FP32 = 4
PAGEABLE_ELEMENTS = 100_000
"""Smaller tensors are not paged.

bitsandbytes-foundation/bitsandbytes@95f9af309d4d:bitsandbytes/optim/optimizer.py#L383
"""


@dataclass(frozen=True, slots=True)
class Optimizer:
    """An optimizer with its settings; `but` gives the same one with others."""

    name: str
    summary: str
    rule: str
    source: str
    aliases: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    buffers: int = 2
    """Full-size states, where the rule has any."""
    state_dtype_bytes: int | None = None
    """Of one number of state; None: as wide as the tensor that is updated."""
    block_size: int = 256
    """Numbers of 8-bit state that share an FP32 scale."""
    min_8bit_size: int = 4096
    """Tensors with fewer numbers keep FP32 states."""
    lookup_fp32: bool = False
    """Keep FP32 states for embedding tables, as bitsandbytes' StableEmbedding does."""
    paged: bool = False
    momentum: bool = False
    """A full-size first moment, for an optimizer that has none of itself."""
    rank: int | None = None
    rank_divisor: int | None = None
    """The rank as a part of the shorter side, where `rank` is not said."""
    stores_projector: bool = True
    max_preconditioner_dim: int = 10_000
    precondition_vectors: bool = False
    symmetric_packing: bool = True
    """Store symmetric factors as triangles."""
    grafting: bool = False
    """A full-size second moment of the grafted method."""

    def state_bytes(
        self, shape: tuple[int, ...], role: str, weight_dtype_bytes: int = FP32, component: str = ""
    ) -> int:
        """Exact bytes of state for one trained tensor.

        `role` is `matmul`, `lookup`, `vector` or `conv`; `component` tells a head (`lm_head`) from hidden matrices,
        which Muon, GaLore and APOLLO treat apart. `weight_dtype_bytes` is of the tensor the optimizer updates.
        """
        tensor = _Tensor(shape, role, component, self.state_dtype_bytes or weight_dtype_bytes)
        return _RULES[self.rule](self, tensor)

    def pageable(self, shape: tuple[int, ...]) -> bool:
        """Whether this tensor's states may leave the device."""
        return self.paged and prod(shape) >= PAGEABLE_ELEMENTS

    def but(self, **settings: int | bool | None) -> Optimizer:
        """The same optimizer with other settings, by field name."""
        return replace(self, **settings)  # type: ignore[arg-type]  # checked by the dataclass's own field names


@dataclass(frozen=True, slots=True)
class _Tensor:
    shape: tuple[int, ...]
    role: str
    component: str
    width: int

    @property
    def count(self) -> int:
        return prod(self.shape)

    @property
    def hidden(self) -> bool:
        """A matrix inside the model: neither table, head nor vector."""
        return self.role in {"matmul", "conv"} and len(self.shape) > 1 and self.component != "lm_head"

    def matrices(self) -> tuple[int, tuple[int, ...]]:
        """A stack (experts, say) as the number of matrices and the shape of one; a convolution stays whole."""
        if self.role == "conv" or len(self.shape) < 3:
            return 1, self.shape
        return prod(self.shape[:-2]), self.shape[-2:]


def optimizers() -> Mapping[str, Optimizer]:
    """All optimizers by name, in the order of the table."""
    return MappingProxyType(_table())


def find_optimizer(name: str) -> Optimizer:
    """The optimizer of that name or alias, in any case. Raises UsageError, with the nearest name, for none."""
    by_name = {slug(alias): entry for entry in _table().values() for alias in (entry.name, *entry.aliases)}
    if slug(name) not in by_name:
        raise unknown("optimizer", name, by_name)
    return by_name[slug(name)]


def _full(optimizer: Optimizer, tensor: _Tensor) -> int:
    return optimizer.buffers * tensor.count * tensor.width


def _blockwise(optimizer: Optimizer, tensor: _Tensor) -> int:
    """8-bit states with a scale a block; small tensors (and tables, if asked) in FP32."""
    if tensor.count < optimizer.min_8bit_size or (optimizer.lookup_fp32 and tensor.role == "lookup"):
        return optimizer.buffers * tensor.count * FP32
    scales = -(-tensor.count // optimizer.block_size)
    return optimizer.buffers * (tensor.count + FP32 * scales)


def _factored(optimizer: Optimizer, tensor: _Tensor) -> int:
    """The second moment as means of rows and of columns, of the last two dimensions."""
    *stack, rows, columns = tensor.shape if len(tensor.shape) > 1 else (0, 0)
    second = prod(stack) * (rows + columns) if len(tensor.shape) > 1 else tensor.count
    return tensor.width * (second + (tensor.count if optimizer.momentum else 0))


def _muon(_: Optimizer, tensor: _Tensor) -> int:
    return (1 if tensor.hidden else 2) * tensor.count * tensor.width


def _projected(optimizer: Optimizer, tensor: _Tensor) -> int:
    """Two moments of the gradient projected along its shorter side, and the projection."""
    if not tensor.hidden or tensor.role != "matmul":
        return 2 * tensor.count * tensor.width
    stack, (rows, columns) = tensor.matrices()
    short, long = min(rows, columns), max(rows, columns)
    rank = optimizer.rank or max(1, short // (optimizer.rank_divisor or 1))
    rank = min(rank, short)
    projector = rank * short if optimizer.stores_projector else 0
    return stack * (2 * rank * long + projector) * tensor.width


def _soap(optimizer: Optimizer, tensor: _Tensor) -> int:
    """Two moments, and for each side that is not too long a factor and its eigenbasis."""
    stack, sides = tensor.matrices()
    if len(sides) == 1 and not optimizer.precondition_vectors:
        sides = ()
    factors = sum(2 * side * side for side in sides if side <= optimizer.max_preconditioner_dim)
    return (2 * tensor.count + stack * factors) * tensor.width


def _shampoo(optimizer: Optimizer, tensor: _Tensor) -> int:
    """FP32 factors and inverse roots of every block's sides, the filtered gradient, and a grafted second moment."""
    stack, shape = tensor.matrices()
    limit = optimizer.max_preconditioner_dim
    sides = _merge_small(shape, limit)
    blocks = [-(-side // limit) for side in sides]
    elements = 0
    for side, across in zip(sides, blocks, strict=True):
        full, rest = divmod(side, limit)
        one_way = full * _factor(limit, optimizer.symmetric_packing) + _factor(rest, optimizer.symmetric_packing)
        elements += one_way * prod(blocks) // across
    full_size = 2 if optimizer.grafting else 1
    return stack * 2 * elements * FP32 + full_size * tensor.count * tensor.width


def _factor(side: int, packed: bool) -> int:
    return side * (side + 1) // 2 if packed else side * side


def _merge_small(shape: tuple[int, ...], limit: int) -> tuple[int, ...]:
    """Neighbouring sides as one while their product is within the limit, from the last one; sides of 1 vanish."""
    merged: list[int] = []
    for side in reversed([side for side in shape if side != 1] or [1]):
        if merged and merged[-1] * side <= limit:
            merged[-1] *= side
        else:
            merged.append(side)
    return tuple(reversed(merged))


_RULES: Mapping[str, Callable[[Optimizer, _Tensor], int]] = {
    "full": _full,
    "blockwise": _blockwise,
    "factored": _factored,
    "muon": _muon,
    "projected": _projected,
    "soap": _soap,
    "shampoo": _shampoo,
}


@cache
def _table() -> dict[str, Optimizer]:
    document = read_table("optimizers.json")
    sources = {key: str(value) for key, value in document["sources"].items()}
    expected = {entry.name for entry in fields(Optimizer)}
    table: dict[str, Optimizer] = {}
    for name, row in document["optimizers"].items():
        values = {("state_dtype_bytes" if key == "state_bytes" else key): value for key, value in mapping(row).items()}
        if unexpected := values.keys() - expected:
            raise KeyError(f"{name}: {', '.join(sorted(unexpected))}")
        values |= {key: texts(values.get(key)) for key in ("aliases", "notes")}
        values["source"] = _sources(str(values["source"]), sources)
        table[name] = Optimizer(name, **values)  # type: ignore[arg-type]  # our own table; the tests read every row
    return table


def _sources(text: str, sources: dict[str, str]) -> str:
    """`mle#L249` with what `mle` stands for, for each of those listed."""
    parts = []
    for part in text.replace(", ", "; ").split("; "):
        head = next((key for key in sources if part == key or part.startswith((f"{key}#", f"{key}/", f"{key}:"))), "")
        parts.append(sources[head] + part[len(head) :] if head else part)
    return "; ".join(parts)
