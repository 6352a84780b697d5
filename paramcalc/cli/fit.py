"""`paramcalc fit`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from paramcalc.cli.options import Common, Models, Plot
from paramcalc.cli.run import answer_all
from paramcalc.errors import Problem, UsageError
from paramcalc.estimates.effects import need, need_encoder
from paramcalc.estimates.runtimes import PLACING
from paramcalc.estimates.settings import DeviceSettings, FitSettings, HostSettings

if TYPE_CHECKING:
    from pathlib import Path

    from paramcalc.readers.models import Reading
    from paramcalc.reports.table import Report

EXAMPLES = (
    "paramcalc fit llama-3.1-70b --gpu h100 --gpus 2",
    "paramcalc fit gpt-oss-120b --gpu rtx-4090 --ram 64G --quant mxfp4_moe",
    "paramcalc fit gpt-oss-20b --all",
)


def fit(
    models: Models,
    common: Common,
    device: DeviceSettings,
    serving: FitSettings,
    host: HostSettings,
    all_: Annotated[bool, typer.Option("--all", help="Show a row for every accelerator of the catalog.")] = False,
    plot: Plot = None,
) -> int:
    """Check whether a model fits on accelerators, up to which context and batch, and what would help; exit 1 if not."""
    if all_:
        _need_one(device, host, plot)
    elif device.gpu is None:
        raise UsageError(Problem("fit needs --gpu NAME or --all", hint="`paramcalc list gpus` shows the names"))
    need(host, ("ram",), present=serving.runtime in (None, PLACING), what=f"--runtime {PLACING}")
    several = "," in (device.gpu or "")

    def make(reading: Reading) -> Report:
        from paramcalc.answers import fit as answers
        from paramcalc.answers.fit_catalog import fit_all
        from paramcalc.reports.fit import catalog_csv_rows, catalog_tables, csv_rows, tables
        from paramcalc.reports.table import Report

        if all_:
            every = fit_all(reading, serving, device)
            return Report(every.to_dict(), catalog_tables(every), every.failed, catalog_csv_rows(every))
        if serving.quant == "all":
            return _formats(reading, serving, device, alone=not all_ and host.ram is None and plot is None)
        if several or host.ram is not None:
            return _placed(reading, serving, device, host, alone=plot is None)
        answer = answers.fit(reading, serving, device)
        need_encoder(serving, answer.built)
        if plot is not None:
            from paramcalc.reports.plot import draw

            draw(plot, answer.model.name, answer.result, answer.machine)
        return Report(answer.to_dict(), tables(answer), answer.failed, csv_rows(answer))

    return answer_all(models, common, make)


def _need_one(device: DeviceSettings, host: HostSettings, plot: Path | None) -> None:
    """Raise UsageError for what has no effect where every accelerator of the catalog is asked."""
    for option, value, hint in (("--gpu", device.gpu, "leave one out"), ("--plot", plot, "--gpu NAME --plot FILE"),
                                ("--ram", host.ram, "--gpu NAME --ram SIZE")):
        if value is not None:
            raise UsageError(Problem(f"{option} has no effect with --all", hint=hint))


def _formats(reading: Reading, serving: FitSettings, device: DeviceSettings, *, alone: bool) -> Report:
    from paramcalc.answers.fit_formats import fit_formats
    from paramcalc.reports.fit_formats import csv_rows, tables
    from paramcalc.reports.table import Report

    answer = fit_formats(reading, serving, device, alone=alone)
    need_encoder(serving, answer.built)
    return Report(answer.to_dict(), tables(answer), answer.failed, csv_rows(answer))


def _placed(reading: Reading, serving: FitSettings, device: DeviceSettings, host: HostSettings, *,
            alone: bool) -> Report:
    from paramcalc.answers.placement import PlacedFit, placed_fit
    from paramcalc.reports import fit as plain
    from paramcalc.reports import placement
    from paramcalc.reports.table import Report

    answer = placed_fit(reading, serving, device, host)
    need_encoder(serving, answer.built)
    if not isinstance(answer, PlacedFit):
        return Report(answer.to_dict(), plain.tables(answer), answer.failed, plain.csv_rows(answer))
    if not alone or len(serving.context) > 1:
        raise UsageError(Problem("placing layers on GPUs and host takes one context and no --plot"))
    return Report(answer.to_dict(), placement.tables(answer), answer.failed, placement.csv_rows(answer))
