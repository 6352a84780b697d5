"""`paramcalc memory`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.cli.options import Common, Models, Plot
from paramcalc.cli.run import answer_all
from paramcalc.estimates.effects import need, need_encoder
from paramcalc.estimates.settings import DeviceSettings, ServingSettings

if TYPE_CHECKING:
    from paramcalc.readers.models import Loaded
    from paramcalc.reports.table import Report

EXAMPLES = (
    "paramcalc memory llama-3.1-8b --context 32k",
    "paramcalc memory mixtral-8x7b --runtime vllm --gpu h100 --tp 2",
    "paramcalc memory qwen3-32b --quant q4_k_m --runtime llama.cpp",
)


def memory(
    models: Models, common: Common, serving: ServingSettings, device: DeviceSettings, plot: Plot = None,
) -> int:
    """Show the memory needed to serve a model: weights, cache, activations and overhead of each device."""
    need(device, ("gpu_memory_utilization", "accelerators"), given=device.gpu is not None, what="--gpu",
         hint="--gpu h100")

    def make(loaded: Loaded) -> Report:
        from paramcalc.answers.memory import memory as needed
        from paramcalc.reports.memory import csv_rows, tables
        from paramcalc.reports.table import Report

        answer = needed(loaded, serving, device)
        need_encoder(serving, answer.built)
        if plot is not None:
            from paramcalc.reports.plot import draw

            draw(plot, answer.model.name, answer.result, answer.machine)
        return Report(answer.to_dict(), tables(answer), rows=csv_rows(answer))

    return answer_all(models, common, make)
