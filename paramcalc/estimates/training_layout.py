"""How the devices of a training run share the work, and what that alone takes of each."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.catalog.training import communicators, reserved_over_allocated
from paramcalc.defaults import TRAINING
from paramcalc.errors import Problem
from paramcalc.transforms.shard import Sharding

if TYPE_CHECKING:
    from paramcalc.activations.policy import Library


class Layout(NamedTuple):
    """How the devices share the work."""

    tp: int = TRAINING.tp
    pp: int = TRAINING.pp
    dp: int = TRAINING.dp
    ep: int = TRAINING.ep
    cp: int = TRAINING.cp
    zero: int = TRAINING.zero
    """0 to 3: what is divided among ranks that hold the same."""
    shards: int | None = TRAINING.zero_shards
    """Ranks among which ZeRO divides, where they are fewer than all that could (hybrid FSDP)."""
    interleave: int = TRAINING.interleave
    """Chunks of layers on each stage."""
    sequence: bool = TRAINING.sequence_parallel
    """Sequence parallelism beside tensor parallelism."""
    micro_batches: int | None = TRAINING.micro_batches
    """Of one step on one pipeline; as many as fill it when not given."""

    @property
    def plan(self) -> Sharding:
        """How one copy of the model is divided."""
        return Sharding(self.tp, self.pp, self.ep, sequence=self.sequence and self.tp > 1)

    @property
    def devices(self) -> int:
        """All devices."""
        return self.tp * self.pp * self.dp * self.cp

    @property
    def ways(self) -> int:
        """Ranks among which ZeRO divides dense parameters."""
        return self.shards or self.dp * self.cp

    @property
    def fully_sharded(self) -> bool:
        """Weights are divided too, and gathered by groups."""
        return self.zero == 3 and self.ways > 1

    @property
    def reserved(self) -> Fraction:
        """What the allocator takes over what is asked of it; the pools of fully sharded models are counted."""
        return Fraction(1) if self.fully_sharded else reserved_over_allocated(self.devices)

    def communicators(self, library: Library) -> int:
        """Bytes NCCL takes of each device: for the group of all devices, for one of each kind that has several, and for
        the peers of a node among which experts exchange tokens. torch takes the group of all for a kind that has all
        (torch/distributed/device_mesh.py, _init_process_groups), Megatron makes every one."""
        taken = communicators()
        sizes = [self.tp, self.pp, self.dp, self.ep, self.cp]
        if library == "megatron" or self.devices not in sizes:
            sizes.append(self.devices)
        groups = sum(taken.group if size > 2 else taken.pair for size in sizes if size > 1)
        return groups + (min(self.ep, taken.node) - 1) * taken.peer

    @property
    def expert_copies(self) -> int:
        """Devices of a stage that hold the same experts."""
        return max(1, self.dp * self.cp * self.tp // self.ep)

    def problems(self) -> list[Problem]:
        """What does not go together."""
        problems = []
        if self.dp * self.cp * self.tp % self.ep:
            problems.append(Problem(f"ep {self.ep} does not divide dp × cp × tp = {self.dp * self.cp * self.tp}",
                                 hint="experts are shared among the devices of one stage"))
        if self.shards and (self.dp * self.cp) % self.shards:
            problems.append(Problem(f"{self.shards} shards do not divide dp × cp = {self.dp * self.cp}"))
        if self.interleave > 1 and self.pp == 1:
            problems.append(Problem("interleaving needs --pp", hint="leave --interleave out"))
        return problems


def in_flight(layout: Layout, stage: int) -> Fraction:
    """Micro-batches whose activations a stage holds at once, in whole stages' worth of layers.

    1F1B: one for each stage from here to the last. Interleaved: the warm-up of Megatron's schedule,
    `2·(pp - stage - 1) + (interleave - 1)·pp` chunks, and one; never more than a step has.
    """
    if layout.interleave > 1:
        chunks = 2 * (layout.pp - stage - 1) + (layout.interleave - 1) * layout.pp + 1
    else:
        chunks = layout.pp - stage
    if layout.micro_batches is not None:
        chunks = min(chunks, layout.micro_batches * layout.interleave)
    return Fraction(chunks, layout.interleave)
