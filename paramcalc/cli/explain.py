"""`paramcalc explain`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from paramcalc.cli import options as o

if TYPE_CHECKING:
    from paramcalc.readers.models import Loaded
    from paramcalc.reports.table import Answer

EXAMPLES = (
    "paramcalc explain llama-3.1-8b",
    "paramcalc explain deepseek-v3 '*self_attn*'",
    "paramcalc explain gpt3-175b --what-if hidden_size=2x --what-if head_dim=2x",
)

RULE = re.compile(r"PC\d{3}")


def explain(
    model: o.One,
    path_glob: Annotated[str, typer.Argument(metavar="[PATH-GLOB]", help="Only tensors whose full name fits: "
                                             "'*self_attn*', '*.weight'.")] = "*",
    what_if: Annotated[list[str], typer.Option("--what-if", metavar="KEY=2x", help="Show instead what changing a "
                                               "number does: hidden_size=2x, num_layers=2x, vocab_size=256000, "
                                               "ffn_ratio=2x; repeatable.")] = [],  # noqa: B006 - typer copies it
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
    """Show each number as formula, values, copies and source, or what changing one would do; or why a rule is one."""
    common = o.Common(set_, format_, json, output, color, strict, quiet)
    if RULE.fullmatch(model):
        from paramcalc.reports import rule

        o.emit([rule.answer(model)], common, many=False)
        raise typer.Exit(0)

    def make(loaded: Loaded) -> Answer:
        from paramcalc.build import build
        from paramcalc.reports import explain as report

        if what_if:
            from paramcalc.spec.what_if import changed

            return report.what_if(loaded, build(loaded.spec), build(changed(loaded.spec, what_if)), what_if)
        return report.answer(loaded, build(loaded.spec, explain=True), path_glob)

    raise typer.Exit(o.answer_all([model], common, make))
