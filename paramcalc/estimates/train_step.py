"""The time of a training step: compute at the attainable rate, exposed communication, the pipeline's bubble, updates.

    step = (micro-batches + (pp − 1) / interleave) · (FLOPs / (peak · share) + tensor and expert collectives
               + what of the ring of keys and values does not hide behind attention)
           + what of gradients and gathered weights does not hide behind backward + the optimizer's reads and writes

FLOPs are those of the `causal` convention, which fused attention computes, of the stage that has most; recomputation
adds forward again. 1F1B and interleaved bubbles: arXiv:2104.04473. Shares are data (`paramcalc.catalog.training`).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.catalog.training import attained, bulk_share, link_share, network
from paramcalc.errors import Problem, UsageError
from paramcalc.estimates.figure import Figure
from paramcalc.estimates.links import LINKS
from paramcalc.estimates.traffic import facts, volumes
from paramcalc.measures.flops import Workload, flops
from paramcalc.transforms.shard import Sharding, shard

if TYPE_CHECKING:
    from paramcalc.activations.fold import Tokens
    from paramcalc.catalog.accelerators import Accelerator
    from paramcalc.estimates.training import Layout, Trainer
    from paramcalc.spec.media import Media

BACKWARD = 2 / 3
"""Of a step's computation: what gradients can hide behind."""


class StepTime(NamedTuple):
    """Seconds of one step, by what takes them."""

    compute: float
    """At the whole peak: forward and backward of every micro-batch on the heaviest stage."""
    recompute: float
    """At the whole peak: forward again."""
    collectives: float
    """Of tensors and experts, which compute waits for."""
    ring: float
    """Of keys and values around context-parallel devices, if nothing hid them."""
    attention: float
    """At the whole peak: what of `compute` multiplies tokens with tokens."""
    data: float
    """Of gradients and gathered weights, if nothing hid them."""
    update: float
    bubble: float
    """Stages that wait, as a share of the steps' computation."""

    def at(self, share: float) -> float:
        """Seconds where computing reaches that share of the peak."""
        work = (self.compute + self.recompute) / share
        waits = self.collectives + max(0.0, self.ring - self.attention / share)
        return (work + waits) * (1 + self.bubble) + max(0.0, self.data - BACKWARD * work) + self.update

    def range(self, shares: tuple[float, float, float]) -> Figure:
        """Fastest, expected, slowest."""
        slow, expected, fast = shares
        return Figure(self.at(fast), self.at(expected), self.at(slow))


class Stepper:
    """A model to train on devices of one kind: what many layouts share is worked out once."""

    def __init__(self, trainer: Trainer, device: Accelerator) -> None:
        """Raises UsageError for a device without a known peak."""
        self.trainer, self.device = trainer, device
        known = device.peak("fp32" if trainer.recipe.dtype == "fp32" else "bf16")
        if known is None:
            raise UsageError(Problem(f"no arithmetic of {device.name} is known for {trainer.recipe.dtype}",
                                     hint="a file of accelerators can say it: --accelerators"))
        self.peak = known[1]
        self.tree = trainer.model.tree
        self.facts = facts(self.tree)
        self.attained = attained(device, moe=bool(self.facts.moe_layers))
        self.link = next((device.links[kind] for kind in LINKS if kind in device.links), None)
        self.network = network(device)
        self.work = lru_cache(maxsize=4096)(self._work)

    def _work(self, pp: int, seq: int, source: int, media: Media) -> tuple[int, int, int]:
        """Forward, backward and pairs of one sequence on the stage that has most."""
        plan = Sharding(1, pp)
        stages = [flops(shard(self.tree, plan, stage) if pp > 1 else self.tree,
                        Workload(1, seq, 0, source, "causal", media=media)) for stage in range(pp)]
        most = max(stages, key=lambda stage: stage.forward + stage.backward)
        return most.forward, most.backward, most.pairs

    def step(self, layout: Layout, load: Tokens, recompute: str, micro_batches: int) -> StepTime:
        """One step of so many micro-batches on each pipeline. Raises UsageError where no link is known."""
        trainer = self.trainer
        states = max((trainer.divided(layout, stage) for stage in trainer.stages(layout.plan)), key=sum)
        forward, backward, pairs = self.work(layout.pp, load.seq, load.source, load.media)
        each = load.batch * micro_batches / (layout.tp * layout.cp * self.peak)
        again = {"full": forward, "selective": pairs, "per-op": (forward - pairs) // 2}.get(recompute, 0)
        tokens = load.batch * load.seq * micro_batches
        whole = states.gradients * (layout.ways if layout.zero >= 2 else 1)
        sent = volumes(layout, self.facts, whole, tokens, micro_batches, again=recompute == "full")
        bubble = (layout.pp - 1) / layout.interleave / micro_batches
        waits = self._wire(sent.tensor, layout.tp, link_share()) + self._wire(sent.expert, layout.ep, link_share())
        ring = self._wire(sent.sequence, layout.tp * layout.cp, bulk_share())
        data = self._wire(sent.data, layout.dp * layout.cp * layout.tp, bulk_share(), layout.tp)
        moved = 2 * sum(states) / self.device.bandwidth if self.device.bandwidth else 0.0
        return StepTime((forward + backward) * each, again * each, waits, ring, 3 * pairs * each, data, moved, bubble)

    def _wire(self, volume: float, span: int, share: float, within: int = 1) -> float:
        """Seconds that bytes take among devices that span so many; of a node's ports a ring has those it passes."""
        if not volume:
            return 0.0
        if self.link is None:
            raise UsageError(Problem(f"no link of {self.device.name} is known, and {span} of them exchange data",
                                     hint="one device, or a file of accelerators with its links"))
        inside = self.link * share
        if span <= self.network.node:
            return volume / inside
        ports = max(1, self.network.node // within)
        return volume / min(inside, ports * self.network.bytes_per_second * bulk_share())
