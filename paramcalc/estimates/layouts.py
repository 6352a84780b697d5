"""Which layouts of so many devices fit, and which of them are fastest: every combination, not a sample."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import log
from typing import TYPE_CHECKING, NamedTuple, get_args

from paramcalc.activations.policy import Recompute
from paramcalc.errors import Problem, UsageError
from paramcalc.estimates.train_step import Stepper
from paramcalc.estimates.training import Trainer
from paramcalc.estimates.training_layout import Layout
from paramcalc.estimates.training_parts import Device

if TYPE_CHECKING:
    from paramcalc.activations.fold import Tokens
    from paramcalc.activations.policy import Policy
    from paramcalc.catalog.accelerators import Accelerator
    from paramcalc.estimates.figure import Figure
    from paramcalc.estimates.traffic import Facts

ZERO = (0, 1, 2, 3)
MICRO_BATCHES = (1, 2, 4, 8)
LEAST_PIECE = 4096
"""Tokens of a sequence on each of its context-parallel devices: of shorter pieces a ring's hops take longer than their
bytes, and Megatron's recipes divide no sequence of 4,096 (docs/performance-summary.md of Megatron-Bridge)."""
MAX_TP = 8
"""Tensor parallelism stays within a node: its collectives are on the critical path of each layer."""


class Candidate(NamedTuple):
    """A layout with what it needs and how long it takes."""

    layout: Layout
    recompute: Recompute
    micro_batch: int
    heaviest: Device
    headroom: int
    step: Figure
    """Seconds."""
    tokens: int
    """Of one step, on all devices."""

    @property
    def seconds_per_token(self) -> float:
        """Seconds of a step, as expected, for each of its tokens."""
        return self.step.expected / self.tokens


def layouts(devices: int, facts: Facts, experts: int, seq: int) -> Iterator[Layout]:
    """Every way to use all devices: powers of two for tp and cp, divisors for the rest."""
    for tp in (size for size in (1, 2, 4, 8) if devices % size == 0 and size <= MAX_TP):
        for pp in _divisors(devices // tp, facts.layers):
            for cp in (size for size in (1, 2, 4, 8) if (devices // tp // pp) % size == 0 and _divides(size, seq)):
                dp = devices // tp // pp // cp
                for ep in _divisors(dp * cp * tp, experts) if experts else (1,):
                    for zero in ZERO:
                        if zero == 0 or dp * cp > 1:
                            yield Layout(tp, pp, dp, ep, cp, zero)


def _divides(devices: int, seq: int) -> bool:
    """Whether a sequence is divided among so many devices, in two halves each."""
    return devices == 1 or (seq % (2 * devices) == 0 and seq >= LEAST_PIECE * devices)


def _divisors(number: int, most: int) -> Iterator[int]:
    return (size for size in range(1, min(number, most) + 1) if number % size == 0)


def search(  # the arguments are as independent as the rows of the table this makes
    stepper: Stepper, devices: int, load: Tokens, policy: Policy, global_batch: int,
    tick: Callable[[int, int, int], None] = lambda completed, total, tried: None,
) -> tuple[list[Candidate], int]:
    """Layouts that fit, the fastest first, one for each tp × pp × dp × ep × cp; and how many were tried.

    Of layouts that share devices alike the one with the best recomputation, micro-batch and ZeRO stays. What is
    within a hundredth is as fast: there the one that divides the model less is better, then the one that computes less
    again, then the one that keeps more room. Raises UsageError for a device of which the memory or the peak is not
    known.
    """
    trainer, device = stepper.trainer, stepper.device
    experts = max((t.stored for _, node, _, _ in stepper.tree.walk() for t in node.tensors
                   if t.component == "moe_experts"), default=0)
    fitting: list[Candidate] = []
    tried = 0
    plans = list(layouts(devices, stepper.facts, experts, load.seq))
    for completed, layout in enumerate(plans, 1):
        sizes = [micro for micro in MICRO_BATCHES if global_batch % (micro * layout.dp) == 0]
        tried += len(sizes) * len(get_args(Recompute))
        tick(completed, len(plans), tried)
        if not sizes or not _states_fit(trainer, layout, capacity(device)):
            continue
        for recompute in get_args(Recompute):
            for micro in sizes:
                candidate = _tried(stepper, layout, load._replace(batch=micro),
                                   policy._replace(recompute=recompute, batch=micro), global_batch)
                if candidate is None:
                    break  # a larger micro-batch keeps more
                fitting.append(candidate)
    return best(fitting), tried


def best(candidates: list[Candidate]) -> list[Candidate]:
    """The fastest of those that share devices alike, the fastest of them first."""
    rows: dict[tuple[int, ...], Candidate] = {}
    for candidate in sorted(candidates, key=_rank):
        layout = candidate.layout
        rows.setdefault((layout.tp, layout.pp, layout.dp, layout.ep, layout.cp), candidate)
    return list(rows.values())


def _rank(candidate: Candidate) -> tuple[float, int, int, int]:
    """Fast ones first, in steps of a hundredth; then the fewest ways to divide a model, the least that is computed
    again, and most room."""
    layout, again = candidate.layout, get_args(Recompute).index(candidate.recompute)
    return (round(100 * log(candidate.seconds_per_token)), layout.tp * layout.pp * layout.cp, again,
            -candidate.headroom)


def capacity(gpu: Accelerator) -> int:
    """Bytes that can be used. Raises UsageError for an accelerator whose memory is not known."""
    if gpu.capacity_bytes is None:
        raise UsageError(Problem(f"the memory of {gpu.name} is not known"))
    return gpu.capacity_bytes


def _states_fit(trainer: Trainer, layout: Layout, room: int) -> bool:
    """Whether every stage holds at least its weights and optimizer; False too for what does not divide."""
    try:
        return all(sum(trainer.divided(layout, stage)) <= room for stage in trainer.stages(layout.plan))
    except UsageError:
        return False


def _tried(stepper: Stepper, layout: Layout, load: Tokens, policy: Policy, global_batch: int) -> Candidate | None:
    """The layout if it fits: of stages with the same layers the first decides."""
    trainer, room = stepper.trainer, capacity(stepper.device)
    steps = global_batch // (load.batch * layout.dp)
    layout = layout._replace(micro_batches=steps)
    heaviest = None
    try:
        for stage in trainer.stages(layout.plan):
            device = trainer.device(layout, stage, load, policy)
            if device.total > room:
                return None
            heaviest = device if heaviest is None or device.total > heaviest.total else heaviest
        assert heaviest is not None  # noqa: S101 - there is a first stage
        time = stepper.step(layout, load, policy.recompute, steps)
    except UsageError:
        return None
    return Candidate(layout, policy.recompute, load.batch, heaviest, room - heaviest.total,
                     time.range(stepper.attained.shares), global_batch * load.seq)
