"""`paramcalc list`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from paramcalc.cli.options import Written
from paramcalc.cli.run import emit

EXAMPLES = (
    "paramcalc list",
    "paramcalc list gpus",
    "paramcalc list formats --json",
)


class What(StrEnum):
    """What can be listed."""

    models = "models"
    gpus = "gpus"
    formats = "formats"
    optimizers = "optimizers"
    families = "families"
    rules = "rules"


def list_(
    written: Written,
    what: Annotated[What, typer.Argument(help="What to list.")] = What.models,
    text: Annotated[str, typer.Argument(metavar="[TEXT]", show_default=False, help="Only entries that contain it: "
                                        "qwen, h100.")] = "",
) -> int:
    """List what is built in: models, gpus, formats, optimizers, families or rules."""
    from paramcalc.reports.listing import answer

    emit([answer(what.value, text)], written, many=False)
    return 0
