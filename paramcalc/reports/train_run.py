"""What `train` says of a whole run: its time, device-hours, energy, CO2 and cost, each with its range."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.answers.train_run import RunFigures
from paramcalc.reports.table import Column, Table

if TYPE_CHECKING:
    from paramcalc.estimates.figure import Figure
    from paramcalc.estimates.run import Terms, TrainingRun
    from paramcalc.measures.certainty import Certainty

NAMES = {"mfu": "MFU", "step_seconds": "seconds a step", "tokens_per_second": "tokens/s", "days": "days",
         "gpu_hours": "device-hours", "energy_kwh": "energy, kWh", "co2_kg": "CO2, kg", "cost_usd": "cost, USD"}

LEAST = 0.005
"""Of a step, what is shown."""
LONG = 0.2
"""Of a step that stages wait, from which on a way out is shown."""


def table(run: TrainingRun, terms: Terms, level: Certainty, more: tuple[str, ...]) -> Table:
    """The run for people; `more` notes of what it is of."""
    columns = (Column("whole run"), *(Column(name, "number") for name in ("low", "expected", "high")), Column("known"))
    rows = tuple((NAMES[name], *(digits(value) for value in figure), level) for name in RunFigures._fields
                 if (figure := getattr(run, name)) is not None)
    basis = f"of the peak, {run.basis}" if run.basis else "MFU as stated"
    notes = [f"{terms.tokens:,} tokens · {basis}",
             *_doing(run),
             *([f"a whole run reaches {_span(run.tuning)} of the rate of tuned steps"] if run.basis else []),
             f"steps take {_span(run.run_share)} of its time" + (
                 "" if run.energy_kwh is None else f" · power {_span(run.power)} of the device's · PUE {run.pue:g} · "
                 f"{terms.grid:g} gCO2/kWh")]
    if terms.price is None:
        notes.append("no cost without --price")
    return Table("", columns, rows, None, (*notes, *more))


def _doing(run: TrainingRun) -> tuple[str, ...]:
    """What takes a step its time, and what makes it shorter where a pipeline waits for long."""
    shares = run.step_shares
    if not shares:
        return ()
    named = {"computing": "computing", "collectives": "collectives", "waiting": "waiting for other stages",
             "gradients": "gradients and gathered weights", "update": "the optimizer"}
    listed = " · ".join(f"{name} {shares[part]:.0%}" for part, name in named.items() if shares[part] >= LEAST)
    long = shares["waiting"] > LONG
    return (f"of a step: {listed}",
            *(["stages wait less with --interleave, a larger --global-batch or a smaller --pp"] if long else []))


def _span(figure: Figure) -> str:
    low, expected, high = figure
    return f"{expected:.0%}" if low == high else f"{expected:.0%} ({low:.0%} to {high:.0%})"


def digits(value: float) -> str:
    """Three significant digits, and whole ones of large numbers."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
