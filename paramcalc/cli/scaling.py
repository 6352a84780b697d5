"""`paramcalc scaling`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from paramcalc.cli import completion
from paramcalc.cli.options import MODEL, Common, Plot
from paramcalc.cli.progress import progress
from paramcalc.cli.run import answer_all, emit, warn
from paramcalc.errors import Problem, UsageError
from paramcalc.estimates.design.settings import ScalingSettings

if TYPE_CHECKING:
    from paramcalc.answers.scaling import Scaling
    from paramcalc.estimates.design.law_fit import LawFit
    from paramcalc.readers.models import Reading
    from paramcalc.reports.table import Report

EXAMPLES = (
    "paramcalc scaling llama-3.1-8b --tokens 15T --inference-tokens 10T",
    "paramcalc scaling --gpu h100 --gpus 64 --days 14",
    "paramcalc scaling --compute 1e22 --unique-tokens 50B",
)


def scaling(
    common: Common,
    settings: ScalingSettings,
    model: Annotated[str | None, typer.Argument(metavar="[MODEL]", help=MODEL,
                                                autocompletion=completion.models)] = None,
    plot: Plot = None,
) -> int:
    """Compare a training run with a scaling law: compute-optimal size and tokens, over- or under-training, its cost."""
    settings.check()
    fitted = _fitted(settings, quiet=common.quiet)

    def make(reading: Reading | None) -> Report:
        from paramcalc.answers.scaling import scaling as answered
        from paramcalc.build import build

        answer = answered(reading, build(reading.spec) if reading else None, settings, fitted)
        if not common.quiet:
            for warning in answer.warnings[len(reading.warnings) if reading else 0 :]:
                warn(warning, common.color)
        if plot is not None:
            from paramcalc.reports.scaling_plot import draw

            draw(plot, answer)
        return _report(answer)

    if model is not None:
        return answer_all([model], common, make)
    if common.set or common.strict:
        raise UsageError(Problem(f"--{'set' if common.set else 'strict'} has no effect without a MODEL"))
    emit([make(None)], common, many=False)
    return 0


def _fitted(settings: ScalingSettings, *, quiet: bool) -> LawFit | None:
    from paramcalc.answers.scaling import fitted_law

    with progress("fits", quiet=quiet) as tick:
        return fitted_law(settings, tick)


def _report(answer: Scaling) -> Report:
    from paramcalc.reports.scaling import tables
    from paramcalc.reports.table import Report

    return Report(answer.to_dict(), tables(answer))
