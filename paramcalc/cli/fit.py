"""`paramcalc fit`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from paramcalc.cli.options import Common, Models, Plot
from paramcalc.cli.run import answer_all
from paramcalc.errors import Problem, UsageError
from paramcalc.estimates.effects import need_encoder
from paramcalc.estimates.settings import DeviceSettings, FitSettings

if TYPE_CHECKING:
    from paramcalc.readers.models import Loaded
    from paramcalc.reports.table import Report

EXAMPLES = (
    "paramcalc fit llama-3.1-70b --gpu h100 --gpus 2",
    "paramcalc fit gemma-3-27b --gpu rtx-4090 --quant q4_k_m --context 4k,32k",
    "paramcalc fit gpt-oss-20b --all",
)


def fit(
    models: Models,
    common: Common,
    serving: FitSettings,
    device: DeviceSettings,
    all_: Annotated[bool, typer.Option("--all", help="Every accelerator of the catalog.")] = False,
    plot: Plot = None,
) -> int:
    """Check whether a model runs on these accelerators, how far it would go, and what would help; exit 1 if not."""
    if all_ == (device.gpu is not None):
        raise UsageError(Problem("fit needs --gpu NAME or --all", hint="`paramcalc list gpus` shows the names"))

    if all_ and plot is not None:
        raise UsageError(Problem("--plot has no effect with --all", hint="--gpu NAME --plot FILE"))

    def make(loaded: Loaded) -> Report:
        from paramcalc.answers import fit as answers
        from paramcalc.reports.fit import catalog_csv_rows, catalog_tables, csv_rows, tables
        from paramcalc.reports.table import Report

        if all_:
            every = answers.fit_all(loaded, serving, device)
            return Report(every.to_dict(), catalog_tables(every), every.failed, catalog_csv_rows(every))
        answer = answers.fit(loaded, serving, device)
        need_encoder(serving, answer.built)
        if plot is not None:
            from paramcalc.reports.plot import draw

            draw(plot, answer.model.name, answer.result, answer.machine)
        return Report(answer.to_dict(), tables(answer), answer.failed, csv_rows(answer))

    return answer_all(models, common, make)
