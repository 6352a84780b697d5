"""`paramcalc diff`."""

from __future__ import annotations

from typing import Annotated

import typer

from paramcalc.cli import completion
from paramcalc.cli.options import Common
from paramcalc.cli.run import emit, warn

EXAMPLES = (
    "paramcalc diff llama-3-8b llama-3.1-8b",
    "paramcalc diff qwen2.5-7b qwen3-8b --json",
    "paramcalc diff git:HEAD:configs/gpt2/gpt2.yaml configs/gpt2/gpt2.yaml",
)

Old = Annotated[str, typer.Argument(metavar="OLD", help="A spec, config, checkpoint or preset, or git:REV:path.",
                                     autocompletion=completion.models)]
New = Annotated[str, typer.Argument(
    metavar="NEW", help="The model to compare with OLD, given in the same way.", autocompletion=completion.models)]


def diff(old: Old, new: New, common: Common) -> int:
    """Compare two models: figures, components, tensors. `--set` changes the new one."""
    from paramcalc.answers.diff import diff as compared
    from paramcalc.readers.models import load
    from paramcalc.reports.diff import csv_rows, tables
    from paramcalc.reports.table import Report

    answer = compared(load(old, strict=common.strict, tell=common.tell),
                      load(new, common.set, strict=common.strict, tell=common.tell))
    for warning in () if common.quiet else answer.warnings:
        warn(warning, common.color)
    emit([Report(answer.to_dict(), tables(answer), rows=csv_rows(answer))], common, many=False)
    return 0
