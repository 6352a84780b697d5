"""What `train` says of a whole run: its time, device-hours, energy, CO2 and cost, each with its range."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.reports.table import Column, Table

if TYPE_CHECKING:
    from paramcalc.estimates.figure import Figure
    from paramcalc.estimates.run import Terms, TrainingRun

FIGURES = ("mfu", "step_seconds", "tokens_per_second", "days", "gpu_hours", "energy_kwh", "co2_kg", "cost_usd")
NAMES = {"mfu": "MFU", "step_seconds": "seconds a step", "tokens_per_second": "tokens/s", "days": "days",
         "gpu_hours": "device-hours", "energy_kwh": "energy, kWh", "co2_kg": "CO2, kg", "cost_usd": "cost, USD"}


def figures(run: TrainingRun) -> dict[str, Any]:
    """The block of the JSON; null for what is not known."""
    return {name: _plain(getattr(run, name)) for name in FIGURES}


def _plain(figure: Figure | None) -> dict[str, float] | None:
    if figure is None:
        return None
    return {name: float(f"{value:.6g}") for name, value in figure._asdict().items()}


def taken(run: TrainingRun, terms: Terms, step_tokens: int) -> dict[str, Any]:
    """What was taken as given."""
    return {"tokens": terms.tokens, "step_tokens": step_tokens, "mfu_is": run.basis or "stated",
            "mfu_convention": "full: PaLM, llm-foundry, torchtitan, nanoGPT; not Megatron-Core's causal",
            "run_share": list(run.run_share), "power_share": list(run.power), "pue": run.pue,
            "grid_gco2_per_kwh": terms.grid}


def table(run: TrainingRun, terms: Terms) -> Table:
    """The run for people."""
    columns = (Column("whole run"), Column("low"), Column("expected"), Column("high"))
    rows = tuple((NAMES[name], *(shown(value) for value in figure)) for name in FIGURES
                 if (figure := getattr(run, name)) is not None)
    basis = f"of the peak, as measured: {run.basis}" if run.basis else "MFU as stated"
    notes = [f"{terms.tokens:,} tokens · {basis}",
             f"tuned steps are {_span(run.run_share)} of the run · power {_span(run.power)} of the device's · PUE "
             f"{run.pue:g} · {terms.grid:g} gCO2/kWh"]
    if terms.price is None:
        notes.append("no cost without --price")
    return Table("", columns, rows, None, tuple(notes))


def _span(figure: Figure) -> str:
    low, expected, high = figure
    return f"{expected:.0%}" if low == high else f"{expected:.0%} ({low:.0%} to {high:.0%})"


def shown(value: float) -> str:
    """Three significant digits, and whole ones of large numbers."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
