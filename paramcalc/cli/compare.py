"""`paramcalc compare`."""

from __future__ import annotations

from paramcalc.cli.options import Common, Jobs, Models
from paramcalc.cli.progress import progress
from paramcalc.cli.rows import Across, Columns, Look, PlotRows, Sort, Up, write_rows
from paramcalc.estimates.settings import DeviceSettings, ServingSettings

EXAMPLES = (
    "paramcalc compare llama-3.1-8b qwen3-8b gemma-2-9b",
    "paramcalc compare configs/ --sort -total --format csv",
    "paramcalc compare qwen3-8b qwen3-14b --gpu rtx-4090 --quant q4_k_m",
)


def compare(
    models: Models, common: Common, serving: ServingSettings, device: DeviceSettings, sort: Sort = "",
    columns: Columns = "", jobs: Jobs = 1, plot: PlotRows = None, x: Across = "", y: Up = "",
) -> int:
    """Compare models, folders of models or file patterns, with one row per model."""
    device.need_gpu()
    look = Look(sort, columns, plot, x, y)
    from paramcalc.comparing import Question
    from paramcalc.comparing import compare as compared

    with progress("models", quiet=common.quiet) as tick:
        answer = compared(models, Question(serving, device, tuple(common.set), common.strict), jobs=jobs, progress=tick)
    return write_rows(answer, common, look)
