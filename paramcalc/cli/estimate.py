"""`paramcalc estimate`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.cli.options import Common, Models
from paramcalc.cli.run import answer_all
from paramcalc.estimates.settings import PageSettings

if TYPE_CHECKING:
    from paramcalc.readers.models import Reading
    from paramcalc.reports.table import Report

EXAMPLES = (
    "paramcalc estimate llama-3.1-8b",
    "paramcalc estimate deepseek-v3 --context 128k",
    "paramcalc estimate gpt2 --format markdown",
)


def estimate(models: Models, common: Common, settings: PageSettings) -> int:
    """Estimate on one page what a model costs: parameters, weights, cache, FLOPs, with the assumptions."""

    def make(reading: Reading) -> Report:
        from paramcalc.answers.estimate import estimate as estimated
        from paramcalc.reports.estimate import tables
        from paramcalc.reports.table import Report

        answer = estimated(reading, settings)
        return Report(answer.to_dict(), tables(answer))

    return answer_all(models, common, make)
