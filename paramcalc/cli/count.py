"""`paramcalc count`."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from paramcalc.cli import options as o

if TYPE_CHECKING:
    from paramcalc.readers.models import Loaded
    from paramcalc.reports.table import Answer

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
    models: o.Models,
    by: Annotated[By, typer.Option("--by", help="What the rows are.")] = By.component,
    depth: Annotated[int | None, typer.Option("--depth", min=1, max=16, help="Levels of modules shown.")] = None,
    set_: o.Set = [],  # noqa: B006 - typer copies it
    format_: o.FormatOption = o.Format.table,
    json: o.Json = False,
    output: o.Output = None,
    color: o.ColorOption = o.Color.auto,
    strict: o.Strict = False,
    offline: o.Offline = False,
    quiet: o.Quiet = False,
    debug: o.Debug = False,
) -> None:
    """Count parameters exactly: by component, by layer, or by tensor."""

    def make(loaded: Loaded) -> Answer:
        from paramcalc.build import build
        from paramcalc.reports.count import answer

        return answer(loaded, build(loaded.spec), "layer" if depth and by is By.component else by.value, depth)

    common = o.Common(set_, format_, json, output, color, strict, quiet)
    raise typer.Exit(o.answer_all(models, common, make))
