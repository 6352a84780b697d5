"""`paramcalc list`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from paramcalc.cli import options as o

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
    what: Annotated[What, typer.Argument(help="What to list.")] = What.models,
    format_: o.FormatOption = o.Format.table,
    json: o.Json = False,
    output: o.Output = None,
    color: o.ColorOption = o.Color.auto,
    quiet: o.Quiet = False,
    debug: o.Debug = False,
) -> None:
    """List what is built in: models, gpus, formats, optimizers, families or rules."""
    from paramcalc.reports.listing import answer

    o.emit([answer(what.value)], o.Common([], format_, json, output, color), many=False)
    raise typer.Exit(0)
