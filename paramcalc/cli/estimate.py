"""`paramcalc estimate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from paramcalc.cli.options import Common, Models
from paramcalc.cli.run import answer_all
from paramcalc.sizes import parse_tokens

if TYPE_CHECKING:
    from paramcalc.readers.models import Loaded
    from paramcalc.reports.table import Report

EXAMPLES = (
    "paramcalc estimate llama-3.1-8b",
    "paramcalc estimate deepseek-v3 --context 128k",
    "paramcalc estimate gpt2 --format markdown",
)


def estimate(
    models: Models,
    common: Common,
    context: Annotated[int, typer.Option("--context", metavar="TOKENS", parser=parse_tokens, help="Tokens of the "
                                         "sequence: 8192, 8k, 128k, 1M.")] = 8192,
) -> int:
    """Estimate on one page what a model costs: parameters, weights, cache, FLOPs, with the assumptions."""

    def make(loaded: Loaded) -> Report:
        from paramcalc.build import build
        from paramcalc.reports.estimate import answer

        return answer(loaded, build(loaded.spec), context)

    return answer_all(models, common, make)
