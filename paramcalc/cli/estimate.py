"""`paramcalc estimate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from paramcalc.cli import options as o

if TYPE_CHECKING:
    from paramcalc.readers.models import Loaded
    from paramcalc.reports.table import Answer

EXAMPLES = (
    "paramcalc estimate llama-3.1-8b",
    "paramcalc estimate deepseek-v3 --context 128k",
    "paramcalc estimate gpt2 --format markdown",
)


def estimate(
    models: o.Models,
    context: Annotated[str, typer.Option("--context", metavar="TOKENS", help="Tokens of the sequence: 8192, 8k, "
                                         "128k, 1M.")] = "8k",
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
    """Say on one page what a model costs: parameters, bytes of weights and cache, FLOPs, with the assumptions."""
    from paramcalc.cli.sizes import tokens

    length = tokens(context, "--context")

    def make(loaded: Loaded) -> Answer:
        from paramcalc.build import build
        from paramcalc.reports.estimate import answer

        return answer(loaded, build(loaded.spec), length)

    raise typer.Exit(o.answer_all(models, o.Common(set_, format_, json, output, color, strict, quiet), make))
