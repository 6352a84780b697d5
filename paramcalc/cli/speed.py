"""`paramcalc speed`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from paramcalc.cli.options import Common, Models, Plot
from paramcalc.cli.run import answer_all
from paramcalc.estimates.speed_settings import SpeedSettings

if TYPE_CHECKING:
    from paramcalc.readers.models import Reading
    from paramcalc.reports.table import Report

EXAMPLES = (
    "paramcalc speed llama-3.1-70b --quant fp8_block --gpu h100 --tp 8 --prompt 4k",
    "paramcalc speed qwen3-8b --quant q4_k_m --runtime llama.cpp --gpu rtx-4090",
    "paramcalc speed gpt-oss-120b --all --concurrency 16",
)


@dataclass(frozen=True)
class SpeedCommon(Common):
    """The options of every command; `--output` means the tokens of an answer here."""

    output: Annotated[Path | None, typer.Option("--output-file", "-o", metavar="FILE", help="Write the answer to a "
                                                "file.")] = None


def speed(models: Models, common: SpeedCommon, settings: SpeedSettings, plot: Plot = None) -> int:
    """Estimate how fast a model is served: time per token, tokens per second, cost and energy, with their ranges."""

    def make(reading: Reading) -> Report:
        from paramcalc.answers.speed import speed as predicted
        from paramcalc.reports.speed import tables
        from paramcalc.reports.table import Report

        answer = predicted(reading, settings)
        if plot is not None:
            from paramcalc.reports.speed_plot import draw

            draw(plot, answer)
        return Report(answer.to_dict(), tables(answer), answer.failed)

    return answer_all(models, common, make)
