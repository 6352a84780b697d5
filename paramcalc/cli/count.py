"""`paramcalc count`."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from paramcalc.cli.options import Common, Jobs, Models
from paramcalc.cli.run import answer_all
from paramcalc.errors import Problem, UsageError

if TYPE_CHECKING:
    from paramcalc.answers.count import By as Rows
    from paramcalc.readers.models import Reading
    from paramcalc.reports.table import Report

EXAMPLES = (
    "paramcalc count llama-3.1-8b",
    "paramcalc count mixtral-8x7b --by tensor",
    "paramcalc count qwen3-8b qwen3-14b --json",
)


class By(StrEnum):
    """What the rows are."""

    component = "component"
    layer = "layer"
    tensor = "tensor"


def count(
    models: Models,
    common: Common,
    by: Annotated[By | None, typer.Option(
        "--by", help="Show one row per component, layer or tensor; per component when not given.")] = None,
    depth: Annotated[int | None, typer.Option(
        "--depth", min=1, max=16, help="Number of module levels to show, with --by layer.")] =
        None,
    jobs: Jobs = 1,
) -> int:
    """Count parameters by component, layer or tensor."""
    if depth is not None and by not in (None, By.layer):
        raise UsageError(Problem(f"--depth has no effect with --by {by}", hint="--by layer --depth 2"))
    rows = by or (By.layer if depth is not None else By.component)
    return answer_all(models, common, partial(_report, rows.value, depth), jobs)


def _report(by: Rows, depth: int | None, reading: Reading) -> Report:
    from paramcalc.api import count as counted
    from paramcalc.reports.count import tables
    from paramcalc.reports.table import Report

    answer = counted(reading, by=by)
    return Report(answer.to_dict(), tables(answer, by, depth))
