"""The picture of `scaling`: loss against compute, a line for each size, the frontier, and the run on it."""

from __future__ import annotations

from math import ceil, floor, log10
from typing import TYPE_CHECKING, Any

from paramcalc.estimates.design.optimum import FLOPS_PER_PARAMETER, loss, optimum_of_compute
from paramcalc.numbers import short
from paramcalc.reports.plot import figure

if TYPE_CHECKING:
    from pathlib import Path

    from paramcalc.answers.scaling import Scaling

POINTS = 96
LINES = 7
CLOSE = 0.3
"""Decades between sizes whose lines would be one."""
COLOR, FRONTIER, RUN = "#4c78a8", "#f58518", "#d62728"


def draw(path: Path, answer: Scaling) -> None:
    """Write the picture. Raises UsageError where it cannot be drawn or written."""
    view = answer.outlook
    law, run = view.law, view.run
    low, high = _decades(answer)
    computes = [10 ** (low + (high - low) * i / (POINTS - 1)) for i in range(POINTS)]
    with figure(path) as axes:
        frontier = [loss(law, *optimum_of_compute(law, compute)) for compute in computes]
        top = max(frontier[0], view.loss) * 1.04
        for size in _sizes(answer, low, high):
            _line(axes, law, size, computes, top)
        axes.plot(computes, frontier, color=FRONTIER, linewidth=2, label="compute-optimal")
        axes.plot([view.optimal.compute], [loss(law, *view.optimal)], "o", color=FRONTIER,
                  label=f"optimum: {short(round(view.optimal.parameters))}, {short(round(view.optimal.tokens))} tokens")
        if answer.model:
            label = f"{answer.model.name}: {short(answer.parameters)}, {short(answer.tokens)} tokens"
            axes.plot([run.compute], [view.loss], "D", color=RUN, label=label)
            axes.hlines(view.loss, view.equal.compute, run.compute, color=RUN, linestyle=":", linewidth=1)
        axes.set(xscale="log", yscale="log", xlim=(computes[0], computes[-1]), ylim=(frontier[-1] * 0.985, top),
                 xlabel="training compute, FLOP (6·N·D)", ylabel="loss, nats a token",
                 title=f"{law.title} ({law.source.split(',')[0]})")
        _ticks(axes, frontier[-1] * 0.985, top)
        axes.grid(which="major", alpha=0.3)
        axes.legend(loc="upper right", fontsize="small", frameon=False)


def _decades(answer: Scaling) -> tuple[float, float]:
    """A little more than two decades on each side of the run and its optimum."""
    view = answer.outlook
    ends = [log10(view.run.compute), log10(view.optimal.compute), log10(view.equal.compute)]
    return floor(min(ends) - 1.5), ceil(max(ends) + 1.5)


def _sizes(answer: Scaling, low: float, high: float) -> list[float]:
    """Sizes whose lines cover the picture: round ones, and the run's own."""
    law = answer.outlook.law
    few, many = (log10(optimum_of_compute(law, 10**end).parameters) for end in (low, high))
    steps = sorted({round(few + (many - few) * i / (LINES - 1)) for i in range(LINES)})
    own = answer.outlook.run.parameters
    return [*(10.0**step for step in steps if abs(step - log10(own)) > CLOSE), own]


def _line(axes: Any, law: Any, size: float, computes: list[float], top: float) -> None:  # noqa: ANN401 - matplotlib's
    points = [(c, loss(law, size, c / FLOPS_PER_PARAMETER / size)) for c in computes]
    visible = [(c, level) for c, level in points if level <= top]
    if len(visible) < 2:
        return
    axes.plot(*zip(*visible, strict=True), color=COLOR, linewidth=0.8, alpha=0.7)
    axes.annotate(short(round(size)), visible[-1], xytext=(-3, 2), textcoords="offset points", fontsize="x-small",
                  color=COLOR, ha="right", va="bottom")


def _ticks(axes: Any, low: float, high: float) -> None:  # noqa: ANN401 - matplotlib's
    """Plain numbers on the logarithmic axis of the loss, ten at most."""
    step = next(step for step in (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0) if (high - low) / step <= 10)
    marks = [round(step * i, 2) for i in range(ceil(low / step), floor(high / step) + 1)]
    axes.set_yticks(marks, [f"{mark:g}" for mark in marks])
    axes.set_yticks([], minor=True)
