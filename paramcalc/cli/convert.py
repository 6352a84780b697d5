"""`paramcalc convert`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from paramcalc.cli import options as o

if TYPE_CHECKING:
    from paramcalc.readers.models import Loaded
    from paramcalc.reports.table import Answer

EXAMPLES = (
    "paramcalc convert path/to/config.json",
    "paramcalc convert path/to/config.json --output spec.yaml",
    "paramcalc convert mixtral-8x7b --set num_layers=16",
)


def convert(
    models: o.Models,
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
    """Write any MODEL as a YAML spec that counts the same, tensor by tensor."""

    def make(loaded: Loaded) -> Answer:
        from paramcalc.build import build
        from paramcalc.reports.convert import answer

        build(loaded.spec)
        return answer(loaded)

    raise typer.Exit(o.answer_all(models, o.Common(set_, format_, json, output, color, strict, quiet), make))
