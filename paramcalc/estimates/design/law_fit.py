"""Fitting `E + A/N^alpha + B/D^beta` to runs of one's own. Needs numpy and scipy (extra `fit`).

As arXiv:2203.15556, section 3.3, states it and arXiv:2404.10102 repeats it: the sum (not the mean, whose gradients stop
the search too early) of Huber losses with delta 1e-3 between the logarithms of predicted and measured loss, minimized
from a grid of starts. Intervals are percentiles over resampled runs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from paramcalc.catalog.scaling_laws import Range
from paramcalc.errors import InputError, Problem, UsageError
from paramcalc.estimates.design.optimum import FLOPS_PER_PARAMETER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DELTA = 1e-3
"""Of Huber's loss. Source: arXiv:2203.15556, section D.2."""
GRID = {"a": (0, 5, 10, 15, 20, 25), "b": (0, 5, 10, 15, 20, 25), "e": (-1, -0.5, 0, 0.5, 1),
        "alpha": (0, 0.5, 1, 1.5, 2), "beta": (0, 0.5, 1, 1.5, 2)}
"""Starts, A = exp(a), B = exp(b), E = exp(e). Source: arXiv:2203.15556, section 3.3."""
STARTS = 40
"""Of the grid, the starts with the least objective are followed to the end."""
RESAMPLES = 200
LEAST_RUNS = 8
NAMES = ("E", "A", "B", "alpha", "beta")


class TrainingRun(NamedTuple):
    """One trained model: its size, its tokens and its final loss in nats a token."""

    parameters: float
    tokens: float
    loss: float


class Interval(NamedTuple):
    """A fitted constant with the 10th and the 90th percentile over resampled runs."""

    value: float
    low: float
    high: float


class LawFit(NamedTuple):
    """Constants of the law that fits best, and how well it does."""

    constants: dict[str, Interval]
    runs: int
    median_error: float
    """Of the loss, relative."""
    worst_error: float
    resamples: int
    parameters: Range
    tokens: Range
    most_compute: float
    """FLOP of the largest run, 6·N·D."""


def fit_law(
    runs: Sequence[TrainingRun], *, resamples: int = RESAMPLES, progress: Callable[[int, int], None] | None = None,
) -> LawFit:
    """The law of one's own runs. `progress` is told (done, all) of starts and resamples.

    Raises InputError for too few runs or runs that cannot tell N from D, UsageError without numpy and scipy.
    """
    _check(runs)
    numpy = _library("numpy")
    data = numpy.log(numpy.asarray(runs, dtype=float))
    report = progress or (lambda completed, total: None)
    total = STARTS + resamples
    best = _from_grid(numpy, data, lambda completed: report(completed, total))
    random = numpy.random.default_rng(0)
    others = []
    for index in range(resamples):
        sample = data[random.integers(0, len(data), len(data))]
        others.append(_constants(numpy, _descend(numpy, sample, best)[0]))
        report(STARTS + index + 1, total)
    values = _constants(numpy, best)
    low, high = numpy.percentile(numpy.asarray(others), (10, 90), axis=0) if others else (values, values)
    errors = numpy.abs(numpy.expm1(_predicted(numpy, best, data)[0] - data[:, 2]))
    constants = {name: Interval(float(v), float(lo), float(hi))
                 for name, v, lo, hi in zip(NAMES, values, low, high, strict=True)}
    sizes, tokens = [run.parameters for run in runs], [run.tokens for run in runs]
    return LawFit(constants, len(runs), float(numpy.median(errors)), float(errors.max()), resamples,
                  Range(min(sizes), max(sizes)), Range(min(tokens), max(tokens)),
                  max(FLOPS_PER_PARAMETER * run.parameters * run.tokens for run in runs))


def _check(runs: Sequence[TrainingRun]) -> None:
    if len(runs) < LEAST_RUNS:
        raise InputError(Problem(f"{len(runs)} runs are too few for five constants",
                                 hint=f"give at least {LEAST_RUNS}"))
    for values, name in ((r.parameters for r in runs), "sizes"), ((r.tokens for r in runs), "numbers of tokens"):
        if len(set(values)) < 3:
            raise InputError(Problem(f"fewer than three {name} among the runs", hint="vary both N and D"))


def _library(name: str) -> Any:  # noqa: ANN401 - an optional library
    try:
        return import_module(name)
    except ImportError as error:
        raise UsageError(Problem("fitting a law needs numpy and scipy", hint="pip install 'paramcalc[fit]'")) from error


def _from_grid(numpy: Any, data: Any, report: Callable[[int], None]) -> Any:  # noqa: ANN401 - arrays
    """The best of the descents from the most promising starts of the grid."""
    axes = numpy.meshgrid(*(GRID[key] for key in ("a", "b", "e", "alpha", "beta")), indexing="ij")
    starts = numpy.stack([axis.ravel() for axis in axes], axis=1)
    objectives = numpy.array([_objective(start, numpy, data)[0] for start in starts])
    best, least = starts[0], numpy.inf
    for index, start in enumerate(starts[numpy.argsort(objectives, kind="stable")[:STARTS]]):
        point, value = _descend(numpy, data, start)
        if value < least:
            best, least = point, value
        report(index + 1)
    return best


def _descend(numpy: Any, data: Any, start: Any) -> tuple[Any, float]:  # noqa: ANN401 - arrays
    minimize = _library("scipy.optimize").minimize
    minimum = minimize(_objective, start, args=(numpy, data), jac=True, method="BFGS", options={"maxiter": 1000})
    return minimum.x, float(minimum.fun)


def _predicted(numpy: Any, point: Any, data: Any) -> tuple[Any, Any]:  # noqa: ANN401 - arrays
    """Logarithm of the predicted loss, and the share of each of its three terms."""
    a, b, e, alpha, beta = point
    terms = numpy.stack([a - alpha * data[:, 0], b - beta * data[:, 1], numpy.full(len(data), e)])
    top = terms.max(axis=0)
    shares = numpy.exp(terms - top)
    total = shares.sum(axis=0)
    return top + numpy.log(total), shares / total


def _objective(point: Any, numpy: Any, data: Any) -> tuple[float, Any]:  # noqa: ANN401 - arrays
    """Sum of Huber losses and its gradient."""
    predicted, shares = _predicted(numpy, point, data)
    residual = predicted - data[:, 2]
    size = numpy.abs(residual)
    value = numpy.where(size <= DELTA, residual**2 / 2, DELTA * (size - DELTA / 2)).sum()
    weight = numpy.clip(residual, -DELTA, DELTA)
    gradient = numpy.array([(weight * shares[0]).sum(), (weight * shares[1]).sum(), (weight * shares[2]).sum(),
                            -(weight * shares[0] * data[:, 0]).sum(), -(weight * shares[1] * data[:, 1]).sum()])
    return float(value), gradient


def _constants(numpy: Any, point: Any) -> tuple[float, ...]:  # noqa: ANN401 - arrays
    a, b, e, alpha, beta = point
    return float(numpy.exp(e)), float(numpy.exp(a)), float(numpy.exp(b)), float(alpha), float(beta)
