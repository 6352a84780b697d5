"""`paramcalc fit`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from paramcalc.cli.options import Common, Models, Plot
from paramcalc.cli.run import answer_all
from paramcalc.errors import Problem, UsageError
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

    def make(loaded: Loaded) -> Report:
        from paramcalc.build import build
        from paramcalc.estimates.fit import Need
        from paramcalc.estimates.inference import memory
        from paramcalc.estimates.serving import machine_of, machines, prepare
        from paramcalc.measures.cache import Serving
        from paramcalc.reports import fit as reports
        from paramcalc.reports.count import cache_unknown

        model = build(loaded.spec)
        if why := cache_unknown(model):
            raise UsageError(Problem(f"{why} what is kept between tokens",
                                     hint="fit the config.json beside it; `paramcalc memory` takes the weights alone"))
        need = Need(prepare(model, serving), serving.source)
        machine = machine_of(device, need.prepared)
        if plot is not None:
            from paramcalc.reports.plot import draw

            last = Serving(serving.context[-1], serving.batch, serving.source)
            draw(plot, model.spec.name, memory(need.prepared, last), machine)
        if machine is None:
            every = machines(device, need.prepared)
            return reports.every(loaded, model, need, every, serving.context, serving.batch)
        return reports.one(loaded, model, need, machine, serving.context, serving.batch)

    return answer_all(models, common, make)
