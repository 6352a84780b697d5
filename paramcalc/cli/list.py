"""`paramcalc list`."""

from __future__ import annotations

from typing import Annotated

import typer

from paramcalc.answers.listing import What
from paramcalc.cli import completion
from paramcalc.cli.options import Written
from paramcalc.cli.run import emit

EXAMPLES = (
    "paramcalc list",
    "paramcalc list gpus",
    "paramcalc list formats --json",
)


def list_(
    written: Written,
    what: Annotated[What, typer.Argument(help="What to list.")] = What.models,
    text: Annotated[str, typer.Argument(
        metavar="[TEXT]", show_default=False, help="Show only entries that contain this text: qwen, h100.",
        autocompletion=completion.entries)] = "",
) -> int:
    """List what is built in: models, gpus, formats, optimizers, families or rules."""
    from paramcalc.answers.listing import listing
    from paramcalc.reports.listing import tables
    from paramcalc.reports.table import Report

    answer = listing(what, text)
    emit([Report(answer.to_dict(), tables(answer))], written, many=False)
    return 0
