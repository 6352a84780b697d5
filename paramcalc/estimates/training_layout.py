"""How the devices of a training run share the work, and what that alone takes of each."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.catalog.training import communicators, reserved_over_allocated
from paramcalc.defaults import TRAINING
from paramcalc.errors import Problem
from paramcalc.estimates.schedules import SCHEDULES, ScheduleName, in_flight
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
    schedule: ScheduleName = TRAINING.schedule
    """How micro-batches pass the stages."""
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
        """Number of all devices: tp · pp · dp · cp."""
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
        """Bytes that CUDA and NCCL take of each device, where there are several: for the context, for the group of all
        devices, for one of each kind that has several, and for the peers of a node among which experts exchange tokens.
        torch takes the group of all for a kind that has all (torch/distributed/device_mesh.py, _init_process_groups),
        Megatron makes every one."""
        if self.devices == 1:
            return 0
        memory = communicators()
        sizes = [self.tp, self.pp, self.dp, self.ep, self.cp]
        if library == "megatron" or self.devices not in sizes:
            sizes.append(self.devices)
        groups = sum(memory.group if size > 2 else memory.pair for size in sizes if size > 1)
        return memory.context + groups + (min(self.ep, memory.node) - 1) * memory.peer

    @property
    def expert_copies(self) -> int:
        """Devices of a stage that hold the same experts."""
        return max(1, self.dp * self.cp * self.tp // self.ep)

    def device_stages(self, stage: int) -> tuple[int, ...]:
        """Stages on the devices of one: with it, where micro-batches pass in two directions, its mirror image."""
        return (stage, self.pp - 1 - stage)[:SCHEDULES[self.schedule].directions]

    def in_flight(self, stage: int) -> Fraction:
        """Micro-batches whose activations the devices of a stage keep."""
        return in_flight(self.schedule, self.pp, stage, self.interleave, self.micro_batches)

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
        return problems + self._unscheduled()

    def _unscheduled(self) -> list[Problem]:
        """What the schedule does not go together with."""
        schedule, name = SCHEDULES[self.schedule], f"--schedule {self.schedule}"
        if self.schedule == TRAINING.schedule:
            return []
        problems = []
        if self.pp == 1:
            problems.append(Problem(f"{name} needs --pp", hint="leave --schedule out"))
        if self.interleave > 1:
            problems.append(Problem(f"{name} has no chunks", hint="leave --interleave out"))
        if schedule.directions > 1:
            if self.pp > 1 and self.pp % 2:
                problems.append(Problem(f"{name} needs an even number of stages, not {self.pp}"))
            if self.micro_batches is not None and (self.micro_batches % 2 or self.micro_batches < 2 * self.pp):
                problems.append(Problem(f"{name} needs an even number of micro-batches, at least two for each of "
                                        f"{self.pp} stages, not {self.micro_batches}"))
            if self.zero > 1:
                problems.append(Problem(f"{name} with gradients divided is not known", hint="--zero 1"))
        return problems
