"""A planned training run held to a scaling law: how far from the optimum, and what the distance costs."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Literal, NamedTuple

from paramcalc.catalog.scaling_laws import repetition
from paramcalc.errors import Problem, UsageError
from paramcalc.estimates.design.optimum import (
    FLOPS_PER_PARAMETER,
    Split,
    lifetime,
    loss,
    optimum_of_compute,
    optimum_of_loss,
    optimum_of_size,
    optimum_of_tokens,
    optimum_with_inference,
    tokens_to_reach,
)
from paramcalc.estimates.design.repeats import (
    epochs,
    repeated_loss,
    repeated_optimum,
    value_of_epoch,
    worth,
)

if TYPE_CHECKING:
    from paramcalc.catalog.scaling_laws import Law

Verdict = Literal["under-trained", "near the optimum", "over-trained"]
NEAR = 2.0
"""Up to this factor from the optimal tokens a run counts as near the optimum."""
SECONDS_A_DAY = 86_400
MFU = 0.4
"""Share of the peak a training run keeps busy where nothing else is said."""


class Target(NamedTuple):
    """What a run is planned by: exactly one of tokens, compute and loss."""

    tokens: float | None = None
    compute: float | None = None
    loss: float | None = None


class Served(NamedTuple):
    """The run of equal loss that costs least with its inference."""

    tokens: float
    """Of inference."""
    optimal: Split
    compute: float
    """FLOP to train and serve it."""
    saved: float
    """Share of the FLOP of the run itself, trained and served."""


class Repeated(NamedTuple):
    """The run when only some of its tokens differ."""

    unique: float
    epochs: float
    worth: float
    """Fresh tokens that have the same effect."""
    last_epoch: float
    """What a token is worth in the last epoch; 1 is fresh."""
    loss: float
    optimal: Split
    """Of the same compute and unique tokens."""
    optimal_loss: float


class Outlook(NamedTuple):
    """A run by a law. `parameters` is the law's N."""

    law: Law
    run: Split
    loss: float
    optimal: Split
    """Of the same compute."""
    over_trained: float
    """Tokens over the optimal tokens of this size."""
    verdict: Verdict
    equal: Split
    """The optimum of the same loss."""
    extra_compute: float
    """Compute over that of `equal`, less one."""
    extrapolation: dict[str, float]
    """How many times size and tokens lie outside the runs the law was fitted to; 1 inside."""
    served: Served | None = None
    repeated: Repeated | None = None


def compute_of_cluster(peak_flops: int, devices: int, days: float, mfu: float = MFU) -> float:
    """FLOP a cluster does in so many days: `peak_flops` a second and device, of which the share `mfu` is used."""
    return peak_flops * devices * days * SECONDS_A_DAY * mfu


def outlook(
    law: Law, parameters: float | None, target: Target, *, served: float | None = None, unique: float | None = None,
) -> Outlook:
    """The run a size and a target describe; without a size, the optimum of the target.

    Raises UsageError for a loss this size, or no size, reaches.
    """
    run = _run(law, parameters, target)
    level = loss(law, *run)
    equal = optimum_of_loss(law, level)
    own = optimum_of_size(law, run.parameters)
    ratio = run.tokens / own.tokens
    return Outlook(
        law, run, level, optimum_of_compute(law, run.compute), ratio, _verdict(ratio), equal,
        run.compute / equal.compute - 1,
        {"parameters": law.parameters.beyond(run.parameters), "tokens": law.tokens.beyond(run.tokens)},
        None if served is None else _served(law, run, level, served),
        None if unique is None else _repeated(law, run, unique),
    )


def _run(law: Law, parameters: float | None, target: Target) -> Split:
    if parameters is None:
        return _optimum(law, target)
    if target.tokens is not None:
        return Split(parameters, target.tokens)
    if target.compute is not None:
        return Split(parameters, target.compute / FLOPS_PER_PARAMETER / parameters)
    if target.loss is None:
        return optimum_of_size(law, parameters)
    tokens = tokens_to_reach(law, parameters, target.loss)
    if tokens == inf or tokens > 1e30:
        least = loss(law, parameters, 1e30)
        raise UsageError(Problem(f"a model of this size does not reach a loss of {target.loss:g} by {law.name}",
                                 hint=f"with any number of tokens it stays above {least:.3f}"))
    return Split(parameters, tokens)


def _optimum(law: Law, target: Target) -> Split:
    if target.tokens is not None:
        return optimum_of_tokens(law, target.tokens)
    if target.compute is not None:
        return optimum_of_compute(law, target.compute)
    if target.loss is not None:
        return optimum_of_loss(law, target.loss)
    raise UsageError(Problem("neither a model nor tokens, compute or a loss to plan by",
                             hint="a model, or --compute 1e22"))


def _verdict(ratio: float) -> Verdict:
    if ratio < 1 / NEAR:
        return "under-trained"
    return "over-trained" if ratio > NEAR else "near the optimum"


def _served(law: Law, run: Split, level: float, tokens: float) -> Served:
    optimal = optimum_with_inference(law, level, tokens)
    cost = lifetime(optimal, tokens)
    return Served(tokens, optimal, cost, 1 - cost / lifetime(run, tokens))


def _repeated(law: Law, run: Split, unique: float) -> Repeated:
    passes = epochs(run.tokens, unique)
    optimal = repeated_optimum(law, run.compute, unique)
    return Repeated(
        unique, passes, worth(run.tokens, unique, repetition("data")), value_of_epoch(max(1.0, passes)),
        repeated_loss(law, *run, unique), optimal, repeated_loss(law, *optimal, unique),
    )
