"""`paramcalc memory`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.cli.options import Common, Models, Plot
from paramcalc.cli.run import answer_all
from paramcalc.estimates.effects import need, need_encoder
from paramcalc.estimates.runtimes import PLACING
from paramcalc.estimates.settings import DeviceSettings, PlacementSettings, ServingSettings

if TYPE_CHECKING:
    from paramcalc.readers.models import Reading
    from paramcalc.reports.table import Report

EXAMPLES = (
    "paramcalc memory llama-3.1-8b --context 32k",
    "paramcalc memory mixtral-8x7b --runtime vllm --gpu h100 --tp 2",
    "paramcalc memory qwen3-30b-a3b --quant q4_k_m --runtime llama.cpp --cpu-moe 20",
)


def memory(
    models: Models, common: Common, device: DeviceSettings, serving: ServingSettings, placement: PlacementSettings,
    plot: Plot = None,
) -> int:
    """Show the memory needed to serve a model: weights, cache, activations and overhead of each device."""
    device.need_gpu()
    need(placement, tuple(PlacementSettings.model_fields), present=serving.runtime in (None, PLACING),
         what=f"--runtime {PLACING}")
    placement.need_alone(device.gpu is not None, "--gpu")
    placement.need_alone(plot is not None, "--plot")

    def make(reading: Reading) -> Report:
        from paramcalc.answers.memory import memory as needed
        from paramcalc.reports.memory import csv_rows, tables
        from paramcalc.reports.table import Report

        if placement.is_requested:
            return _placed(reading, serving, placement)
        answer = needed(reading, serving, device)
        need_encoder(serving, answer.built)
        if plot is not None:
            from paramcalc.reports.plot import draw

            draw(plot, answer.model.name, answer.result, answer.machine)
        return Report(answer.to_dict(), tables(answer), rows=csv_rows(answer))

    return answer_all(models, common, make)


def _placed(reading: Reading, serving: ServingSettings, placement: PlacementSettings) -> Report:
    from paramcalc.answers.placement import placed_memory
    from paramcalc.reports.placement import csv_rows, tables
    from paramcalc.reports.table import Report

    answer = placed_memory(reading, serving, placement)
    need_encoder(serving, answer.built)
    return Report(answer.to_dict(), tables(answer), rows=csv_rows(answer))
