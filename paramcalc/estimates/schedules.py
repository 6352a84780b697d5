"""How micro-batches pass the stages of a pipeline: how long stages wait, and what they keep.

A row says how long the bubble is in times of a chunk, `(pp / directions − 1) · (f·F + b·B + w·W)`, where F is forward,
B backward and W the part of backward that makes the gradients of weights: 1F1B of arXiv:2104.04473, ZB1P and DualPipe
of arXiv:2412.19437, table 2 (of its F&B, a forward and a backward that overlap, the time of both counts).
"""

from __future__ import annotations

from fractions import Fraction
from typing import Literal, NamedTuple

ScheduleName = Literal["1f1b", "zb1p", "dualpipe"]


class Schedule(NamedTuple):
    """One row."""

    forward: int
    """Times of the bubble."""
    backward: int
    weights: int
    directions: int = 1
    """In which micro-batches pass: with two each device holds a stage and its mirror image."""
    every: bool = False
    """Whether each stage keeps as many micro-batches as the first."""

    def waiting(self, stages: int, again: float) -> float:
        """The bubble in micro-batches' times of one stage. Backward takes twice as long as forward, half of it for the
        gradients of weights, and with recomputation computes so much of forward again."""
        forward, backward, weights = 1.0, 2.0 + again, 1.0
        times = self.forward * forward + self.backward * backward + self.weights * weights
        return max(0.0, stages / self.directions - 1) * times / (forward + backward)


SCHEDULES: dict[ScheduleName, Schedule] = {
    "1f1b": Schedule(1, 1, 0),
    "zb1p": Schedule(1, 1, -2, every=True),
    "dualpipe": Schedule(1, 2, -3, directions=2, every=True),
}


def in_flight(name: ScheduleName, stages: int, stage: int, interleave: int, micro_batches: int | None) -> Fraction:
    """Micro-batches whose activations a stage holds at once, in whole stages' worth of layers.

    1F1B: one for each stage from here to the last. Interleaved: the warm-up of Megatron's schedule,
    `2·(pp - stage - 1) + (interleave - 1)·pp` chunks, and one. ZB1P: as many as stages, and DualPipe one more of the
    two stages a device holds (arXiv:2412.19437, table 2). Never more than a step has.
    """
    schedule = SCHEDULES[name]
    if schedule.directions > 1:
        return Fraction(min(stages + 1, micro_batches or stages + 1), schedule.directions)
    if interleave > 1:
        chunks = 2 * (stages - stage - 1) + (interleave - 1) * stages + 1
    else:
        chunks = stages if schedule.every else stages - stage
    if micro_batches is not None:
        chunks = min(chunks, micro_batches * interleave)
    return Fraction(chunks, interleave)
