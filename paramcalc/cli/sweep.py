"""`paramcalc sweep`."""

from __future__ import annotations

from typing import Annotated

import typer

from paramcalc.cli.options import Common, Jobs, One
from paramcalc.cli.progress import progress
from paramcalc.cli.rows import Across, Columns, Look, PlotRows, Sort, Up, write_rows
from paramcalc.estimates.settings import DeviceSettings, ServingSettings

EXAMPLES = (
    "paramcalc sweep llama-3.1-8b num_layers=16..48:8 hidden_size=3072,4096",
    "paramcalc sweep qwen3-8b num_kv_heads=1,2,4,8,32 --context 32k --sort total",
    "paramcalc sweep gemma-3-4b num_layers=16..48 --plot a.svg --x layers --y total",
)
Axes = Annotated[list[str], typer.Argument(metavar="KEY=VALUES…", help="Values to combine: num_layers=16..48:8 (the "
                                           "end included), hidden_size=1024,2048.")]


def sweep(
    model: One, axes: Axes, common: Common, serving: ServingSettings, device: DeviceSettings, sort: Sort = "",
    columns: Columns = "", jobs: Jobs = 1, plot: PlotRows = None, x: Across = "", y: Up = "",
) -> int:
    """Vary fields of a model, with one row per combination of values."""
    device.need_gpu()
    look = Look(sort, columns, plot, x, y)
    from paramcalc.comparing import Question
    from paramcalc.comparing import sweep as swept

    with progress("combinations", quiet=common.quiet) as tick:
        answer = swept(model, axes, Question(serving, device, tuple(common.set), common.strict), jobs=jobs,
                       progress=tick)
    return write_rows(answer, common, look)
