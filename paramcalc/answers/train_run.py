"""The part of `train` about a whole run: its time, device-hours, energy, CO2 and cost, each with its range."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from paramcalc.estimates.figure import Figure

if TYPE_CHECKING:
    from paramcalc.estimates.run import Terms, TrainingRun
    from paramcalc.estimates.training_plan import Plan


class RunFigures(NamedTuple):
    """Six significant digits of each figure; None for what is not known."""

    mfu: Figure | None
    """While running, convention `full`: a share of the peak."""
    step_seconds: Figure | None
    tokens_per_second: Figure | None
    """Of all devices."""
    days: Figure | None
    gpu_hours: Figure | None
    energy_kwh: Figure | None
    """With the data centre's."""
    co2_kg: Figure | None
    cost_usd: Figure | None


def run_figures(run: TrainingRun) -> RunFigures:
    """The figures of a run."""
    figures = (getattr(run, name) for name in RunFigures._fields)
    return RunFigures(*(None if figure is None else rounded(figure) for figure in figures))


def rounded(figure: Figure) -> Figure:
    """A figure whose three numbers have six significant digits."""
    return Figure(*(float(f"{value:.6g}") for value in figure))


def run_assumptions(run: TrainingRun, terms: Terms, chosen: Plan) -> dict[str, object]:
    """What was taken as given of a run."""
    return {"tokens": terms.tokens, "step_tokens": chosen.step_tokens, "mfu_is": run.basis or "stated",
            "mfu_convention": "full: PaLM, llm-foundry, torchtitan, nanoGPT; not Megatron-Core's causal",
            "run_share": list(run.run_share), "tuning": list(run.tuning), "power_share": list(run.power),
            "arithmetic": chosen.arithmetic, "pue": run.pue, "grid_gco2_per_kwh": terms.grid,
            "step_micro_batches": chosen.micro_batches,
            "step_shares": {name: round(share, 4) for name, share in run.step_shares.items()} or None}
