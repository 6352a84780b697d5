"""`paramcalc flops`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.cli.options import Common, Models
from paramcalc.cli.run import answer_all
from paramcalc.estimates.settings import FlopsSettings

if TYPE_CHECKING:
    from paramcalc.readers.models import Reading
    from paramcalc.reports.table import Report

EXAMPLES = (
    "paramcalc flops llama-3.1-8b --seq 8k",
    "paramcalc flops deepseek-v3 --seq 4k --convention causal",
    "paramcalc flops gpt2 --batch 8 --seq 1024 --json",
)


def flops(models: Models, common: Common, settings: FlopsSettings) -> int:
    """Count FLOPs: forward, backward, a training step, the prompt, one decoded token."""

    def make(reading: Reading) -> Report:
        from paramcalc.answers.flops import flops as counted
        from paramcalc.reports.flops import tables
        from paramcalc.reports.table import Report

        answer = counted(reading, settings)
        return Report(answer.to_dict(), tables(answer))

    return answer_all(models, common, make)
