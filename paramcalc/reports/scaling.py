"""What `scaling` shows: the run, the optima beside it, the law and how far it carries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.numbers import short
from paramcalc.reports.certainty import marks, partial
from paramcalc.reports.table import Column, Table

if TYPE_CHECKING:
    from paramcalc.answers.scaling import Scaling


def tables(answer: Scaling) -> tuple[Table, ...]:
    """A row for the run and for each optimum; the constants of a fit where there is one."""
    columns = (Column("run"), Column("parameters", "count"), Column("tokens", "count"),
               Column("tokens a parameter", "number"), Column("FLOP", "number"), Column("loss", "number"),
               *marks(answer.known["loss"]))
    name = answer.model.name if answer.model else "optimum"
    rows = [(name, answer.parameters, answer.tokens, _ratio(answer.tokens_per_parameter), f"{answer.compute:.3g}",
             f"{answer.loss:.3f}")]
    if answer.model:
        rows += [_row("optimum of the same compute", answer.optimal),
                 _row("optimum of the same loss", answer.equal_loss)]
    if (served := answer.inference) is not None:
        rows.append((f"same loss, with {short(served.inference_tokens)} tokens of inference", served.parameters,
                     served.tokens, _ratio(served.tokens_per_parameter), f"{6 * served.parameters * served.tokens:.3g}",
                     f"{answer.loss:.3f}"))
    if (repeats := answer.repeats) is not None:
        rows.append((f"{name}, {short(repeats.unique_tokens)} unique tokens", answer.parameters, answer.tokens,
                     _ratio(answer.tokens_per_parameter), f"{answer.compute:.3g}", f"{repeats.loss:.3f}"))
        rows.append(_row("optimum of the same compute and tokens", repeats.optimal))
    law = answer.law
    level, uncounted = answer.known["loss"], "; ".join(answer.uncounted)
    run = Table(f"{name}   by {law.title}", columns, tuple((*row, level, uncounted) for row in rows),
                notes=tuple(_notes(answer)))
    return (run,) if answer.fit is None else (_fit(answer), run)


def _row(name: str, split: Any) -> tuple[Any, ...]:  # noqa: ANN401 - an Optimum
    return (name, split.parameters, split.tokens, _ratio(split.tokens_per_parameter), f"{split.compute:.3g}",
            f"{split.loss:.3f}")


def _fit(answer: Scaling) -> Table:
    fit = answer.fit
    assert fit is not None  # noqa: S101 - the caller looked
    columns = (Column("constant"), Column("value", "number"), Column("10th percentile", "number"),
               Column("90th percentile", "number"))
    rows = tuple((name, *(f"{value:.6g}" for value in each)) for name, each in fit.constants.items())
    notes = (f"{fit.runs:,} runs · {fit.resamples:,} resamples · loss off by {fit.median_error:.2%} (median), "
             f"{fit.worst_error:.2%} (worst)",)
    return Table(f"law fitted to {answer.law.source}", columns, rows, notes=notes)


def _notes(answer: Scaling) -> list[str]:
    law = answer.law
    notes = []
    if answer.model:
        extra = f"{answer.extra_compute:.0%} more compute than the optimum of the same loss"
        notes.append(f"{answer.verdict}: {_ratio(answer.over_trained)} × the compute-optimal tokens of this size, "
                     f"{extra}")
    if (served := answer.inference) is not None and answer.model:
        notes.append(f"training and inference together: {served.saved:.0%} of the FLOP saved by the size above")
    if (repeats := answer.repeats) is not None:
        notes.append(f"{repeats.epochs:.3g} epochs are worth {short(repeats.equivalent_tokens)} fresh tokens; in the "
                     f"last, a token {repeats.last_epoch_value:.0%} of a fresh one")
    beyond = [f"{name} × {_ratio(factor)}" for name, factor in answer.extrapolation.items() if factor >= 1.005]
    notes.append("extrapolated: " + ", ".join(beyond) if beyond else "within the runs of the law")
    if (target := answer.assumptions.get("target")) is not None:
        notes.append(f"compute: {target}")
    if (device := answer.assumptions.get("device")) is not None:
        assumptions = answer.assumptions
        notes.append(f"compute: {assumptions['devices']} × {device} for {assumptions['days']:g} days at MFU "
                     f"{assumptions['mfu']:g}")
    parameters = law.parameters.replace("non_embedding", "non-embedding").replace("_", " ")
    notes += [f"law: {law.formula}, {law.source}; N counts {parameters} parameters; compute is 6·N·D",
              f"estimates · a level of loss holds for {law.valid.corpus} only; ratios carry over",
              *partial(answer.uncounted)]
    if answer.bound and not answer.uncounted:
        notes.append(f"a lower bound: {answer.bound}")
    return notes


def _ratio(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
