"""The time of a training step: compute at the attainable rate, exposed communication, the pipeline's bubble, updates.

    step = (micro-batches + (pp − 1) / interleave) · (FLOPs / (peak · share) + tensor and expert collectives
               + what of the ring of keys and values does not hide behind attention)
           + what of gradients and gathered weights does not hide behind backward + the optimizer's reads and writes

FLOPs are those of the `causal` convention, which fused attention computes, of the stage that has most; recomputation
adds the layers' forward again. Routed experts reach a share of their own, and so does FP8, in which attention and the
head are not computed. The bubble is that of 1F1B; other schedules have their own (`paramcalc.estimates.schedules`).
With overlap collectives hide behind the computation of another micro-batch (DualPipe, arXiv:2412.19437 section 3.2.1;
Megatron-Core's --overlap-moe-expert-parallel-comm). Shares are data (`paramcalc.catalog.training`).
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.catalog.training import attained, bulk_share, network
from paramcalc.defaults import TRAINING
from paramcalc.errors import Problem, UsageError
from paramcalc.estimates.figure import Figure
from paramcalc.estimates.links import LINKS, no_link
from paramcalc.estimates.remembering import Remembering
from paramcalc.estimates.schedules import SCHEDULES
from paramcalc.estimates.traffic import facts, volumes
from paramcalc.estimates.training_layout import Layout
from paramcalc.measures.flops import Workload, flops
from paramcalc.transforms.shard import Sharding, shard

if TYPE_CHECKING:
    from paramcalc.activations.fold import Tokens
    from paramcalc.catalog.accelerators import Accelerator
    from paramcalc.catalog.training import Shares
    from paramcalc.estimates.training import Trainer
    from paramcalc.measures.flops import Flops

BACKWARD = 2 / 3
"""Of a step's computation: what gradients can hide behind."""

AGAIN = {"full": Fraction(1), "per-op": Fraction(1, 2)}
"""Of forward's products but the head's, what backward computes again."""


class StepParts(NamedTuple):
    """Seconds of one step, by what a device does."""

    computing: float
    collectives: float
    """Of tensors, experts and rings, which nothing hides."""
    waiting: float
    """For other stages of the pipeline."""
    gradients: float
    """And gathered weights, what of them nothing hides."""
    update: float


class StepTime(NamedTuple):
    """Seconds of one step, by what takes them; of computation at the whole peak, with what backward computes again."""

    products: float
    """Of weights that every token visits, on the heaviest stage."""
    experts: float
    """Of routed experts."""
    plain: float
    """Of attention and the head."""
    collectives: float
    """Of tensors and experts, which compute waits for."""
    ring: float
    """Of keys and values around context-parallel devices, if nothing hid them."""
    pairs: float
    """What of `plain` multiplies tokens with tokens, without what is computed again."""
    data: float
    """Of gradients and gathered weights, if nothing hid them."""
    update: float
    bubble: float
    """Stages that wait, as a share of the steps' computation."""
    overlap: bool = False
    """Whether collectives hide behind computation."""

    def at(self, shares: Shares) -> float:
        """Seconds where computing reaches these shares of the peak."""
        return sum(self.parts(shares))

    def parts(self, shares: Shares) -> StepParts:
        """Seconds of a step by what a device does meanwhile."""
        work = self.products / shares.products + self.experts / shares.experts + self.plain / shares.plain
        waits = max(0.0, self.collectives - work) if self.overlap else self.collectives
        waits += max(0.0, self.ring - self.pairs / shares.plain)
        return StepParts(work, waits, (work + waits) * self.bubble, max(0.0, self.data - BACKWARD * work), self.update)

    def range(self, shares: tuple[Shares, Shares, Shares]) -> Figure:
        """Seconds of a step: the fastest, the expected and the slowest."""
        slow, expected, fast = shares
        return Figure(self.at(fast), self.at(expected), self.at(slow))


class Parts(NamedTuple):
    """FLOPs of one sequence on the stage that has most, forward and backward, with what is computed again."""

    products: float
    experts: float
    plain: float
    pairs: float


class Stepper(Remembering):
    """A model to train on devices of one kind: what many layouts share is worked out once."""

    def __init__(self, trainer: Trainer, device: Accelerator, arithmetic: str = TRAINING.arithmetic,
                 overlap: bool | None = None) -> None:
        """`arithmetic` is that of products of weights. `overlap`: whether collectives hide behind computation; where
        None, they do if experts stand on several nodes. Raises UsageError for a device without a known peak."""
        self.trainer, self.device, self.overlap = trainer, device, overlap
        self.plain = _peak(device, "fp32" if trainer.recipe.dtype == "fp32" else "bf16")
        self.peak = self.plain if arithmetic == "bf16" else _peak(device, arithmetic)
        self.tree = trainer.model.tree
        self.facts = facts(self.tree)
        self.attained = attained(device, arithmetic)
        self.link = next((device.links[kind] for kind in LINKS if kind in device.links), None)
        self.network = network(device)
        self._remember()

    def _remember(self) -> None:
        self.work = lru_cache(maxsize=4096)(self._work)

    def _work(self, layout: Layout, load: Tokens, recompute: str) -> Parts:
        """FLOPs of one sequence on the devices that have most, of the stages they hold on average."""
        pp = layout.pp
        plan = Sharding(1, pp)
        one = Workload(1, load.seq, 0, load.source, "causal", media=load.media)
        stages = [_parts(flops(shard(self.tree, plan, stage) if pp > 1 else self.tree, one), recompute)
                  for stage in range(pp)]
        devices = [Parts(*(sum(part) / len(part) for part in zip(*(stages[one] for one in layout.device_stages(stage)),
                                                                 strict=True))) for stage in range(pp)]
        return max(devices, key=lambda part: part.products + part.experts + part.plain)

    def step(self, layout: Layout, load: Tokens, recompute: str, micro_batches: int) -> StepTime:
        """One step of so many micro-batches on each pipeline. Raises UsageError where no link is known."""
        trainer, node = self.trainer, self.network.node
        states = max((trainer.divided(layout, stage) for stage in trainer.stages(layout.plan)), key=sum)
        parts = self.work(Layout(pp=layout.pp, schedule=layout.schedule), load._replace(batch=1), recompute)
        rows = load.batch * micro_batches / (layout.tp * layout.cp)
        tokens = load.batch * load.seq * micro_batches
        gradients = states.gradients * (layout.ways if layout.zero >= 2 else 1)
        weights = states.weights * (layout.ways if layout.zero == 3 else 1)
        sent = volumes(layout, self.facts, gradients, tokens, micro_batches, node=node, weights=weights,
                       again=recompute == "full")
        schedule = SCHEDULES[layout.schedule]
        bubble = schedule.waiting(layout.pp, float(AGAIN.get(recompute, 0))) / layout.interleave / micro_batches
        overlap = (layout.ep > node or schedule.directions > 1) if self.overlap is None else self.overlap
        waits = (self._wire(sent.tensor, layout.tp, bulk_share() if overlap else self.attained.links)
                 + self._exchange(sent.expert, sent.expert_nodes, layout.ep))
        ring = self._wire(sent.sequence, layout.tp * layout.cp, bulk_share())
        data = self._wire(sent.data, layout.dp * layout.cp * layout.tp, bulk_share(), layout.tp)
        moved = 2 * sum(states) / self.device.bandwidth if self.device.bandwidth else 0.0
        return StepTime(parts.products * rows / self.peak, parts.experts * rows / self.peak,
                        parts.plain * rows / self.plain, waits, ring, parts.pairs * rows / self.plain, data, moved,
                        bubble, overlap)

    def _exchange(self, volume: float, between: float, span: int) -> float:
        """Seconds of the all-to-alls of experts: inside nodes, and at once between them, each device over its port."""
        inside = self._wire(volume, min(span, self.network.node), bulk_share())
        return max(inside, between / (self.network.bytes_per_second * bulk_share()))

    def _wire(self, volume: float, span: int, share: float, within: int = 1) -> float:
        """Seconds that bytes take among devices that span so many; of a node's ports a ring has those it passes."""
        if not volume:
            return 0.0
        if self.link is None:
            raise no_link(self.device, span)
        inside = self.link * share
        if span <= self.network.node:
            return volume / inside
        ports = max(1, self.network.node // within)
        return volume / min(inside, ports * self.network.bytes_per_second * bulk_share())


def _parts(work: Flops, recompute: str) -> Parts:
    """FLOPs of a stage by what they reach of the peak."""
    forward, experts, head = work.forward, work.components.get("moe_experts", 0), work.components.get("lm_head", 0)
    backward = work.backward_components
    pairs = work.pairs
    plain = pairs + head
    share = AGAIN.get(recompute, Fraction(0))
    again = (int((forward - experts - plain) * share), int(experts * share),
             pairs if recompute in ("full", "selective") else 0)
    last = 2 * pairs + backward.get("lm_head", 0)
    trained = backward.get("moe_experts", 0)
    return Parts(forward - experts - plain + work.backward - trained - last + again[0], experts + trained + again[1],
                 plain + last + again[2], 3 * pairs)


def _peak(device: Accelerator, arithmetic: str) -> int:
    """FLOPs a second. Raises UsageError where the device has no such arithmetic."""
    rating = device.peak(arithmetic)
    if rating is None or (arithmetic == "fp8" and rating[0] != arithmetic):
        raise UsageError(Problem(f"no arithmetic of {device.name} is known for {arithmetic}"
                                 f"{device.why_unknown('flops')}",
                                 hint="add it with --accelerators FILE"))
    return rating[1]
