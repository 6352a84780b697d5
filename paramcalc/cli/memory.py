"""`paramcalc memory`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.cli.options import Common, Models, Plot
from paramcalc.cli.run import answer_all
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
    device.check()

    def make(loaded: Loaded) -> Report:
        from paramcalc.build import build
        from paramcalc.estimates.inference import memory as needed
        from paramcalc.estimates.serving import machine_of, prepare
        from paramcalc.measures.cache import Serving
        from paramcalc.reports.memory import answer

        model = build(loaded.spec)
        prepared = prepare(model, serving)
        held = needed(prepared, Serving(serving.context, serving.batch, serving.source))
        machine = machine_of(device, prepared)
        if plot is not None:
            from paramcalc.reports.plot import draw

            draw(plot, model.spec.name, held, machine)
        return answer(loaded, model, held, machine)

    return answer_all(models, common, make)
