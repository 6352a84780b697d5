"""A whole training run: days, device-hours, energy, CO2 and cost, from the time of a step or from a stated MFU."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.catalog.training import power_share, run_share, tuning, usual_pue
from paramcalc.estimates.figure import Figure, exactly
from paramcalc.measures.flops import Workload, flops

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paramcalc.activations.fold import Tokens
    from paramcalc.catalog.accelerators import Accelerator
    from paramcalc.tree import Node


class Terms(NamedTuple):
    """What a run is asked for; None where nothing was stated."""

    tokens: int
    mfu: float | None = None
    """While running, convention `full`."""
    run_share: float | None = None
    price: float | None = None
    """USD for an hour of one device."""
    power: float | None = None
    """Mean power as a share of the device's."""
    pue: float | None = None
    grid: float = 0.0
    """Grams of CO2 for a kilowatt-hour."""


class TrainingRun(NamedTuple):
    """A run; None where nothing is known."""

    mfu: Figure
    step_seconds: Figure
    tokens_per_second: Figure
    days: Figure
    gpu_hours: Figure
    energy_kwh: Figure | None
    co2_kg: Figure | None
    cost_usd: Figure | None
    run_share: Figure
    """Of its time, what is spent on steps."""
    tuning: Figure
    """Of the rate of tuned steps, what its steps reach."""
    power: Figure
    pue: float
    basis: str = ""
    """Where the share of the peak was measured; empty for a stated MFU."""
    step_shares: Mapping[str, float] = MappingProxyType({})
    """Of the expected step, what a device does; empty for a stated MFU."""


def model_flops(tree: Node, load: Tokens) -> float:
    """FLOPs of one token, forward and backward without recomputation, convention `full`."""
    work = flops(tree, Workload(1, load.seq, 0, load.source, "full", media=load.media))
    return (work.forward + work.backward) / load.seq


def run(per_token: float, step_tokens: int, step: Figure | None, device: Accelerator, devices: int, peak: int,
        terms: Terms, parameters: int = 0) -> TrainingRun:
    """A run of `terms.tokens`; `step` are the seconds of `step_tokens`, None where an MFU was stated.

    `per_token`: FLOPs, see `model_flops`. `parameters`: of the model, in memory. A stated MFU replaces the step, and no
    share for restarts is taken off then unless one is stated too. The steps of a run are slower than tuned ones by a
    share of their own.
    """
    ideal = per_token * step_tokens / (devices * peak)
    if terms.mfu is not None:
        step = exactly(ideal / terms.mfu)
    assert step is not None  # noqa: S101 - one of the two is given
    if terms.run_share is not None:
        share = exactly(terms.run_share)
    else:
        share = exactly(1.0) if terms.mfu is not None else Figure(*run_share())
    reached = exactly(1.0) if terms.mfu is not None else Figure(*tuning(parameters))
    seconds = reached.over(1.0).by(share.over(1.0)).by(step).times(terms.tokens / step_tokens)
    hours = seconds.times(devices / 3600)
    power = exactly(terms.power) if terms.power is not None else Figure(*power_share())
    pue = usual_pue() if terms.pue is None else terms.pue
    energy = None if device.power_watts is None else hours.by(power).times(device.power_watts * pue / 1000)
    return TrainingRun(step.over(ideal), step, step.over(step_tokens), seconds.times(1 / 86400), hours, energy,
               None if energy is None else energy.times(terms.grid / 1000),
               None if terms.price is None else hours.times(terms.price), share, reached, power, pue)
