"""`paramcalc explain`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from paramcalc.cli.options import Common, One
from paramcalc.cli.run import answer_all, emit
from paramcalc.errors import Problem, UsageError

if TYPE_CHECKING:
    from paramcalc.readers.models import Loaded
    from paramcalc.reports.table import Report

EXAMPLES = (
    "paramcalc explain llama-3.1-8b",
    "paramcalc explain deepseek-v3 '*self_attn*'",
    "paramcalc explain gpt3-175b --what-if hidden_size=2x --what-if head_dim=2x",
)

RULE = re.compile(r"PC\d{3}")


def explain(
    model: One,
    common: Common,
    path_glob: Annotated[str | None, typer.Argument(metavar="[PATH-GLOB]", show_default=False, help="Only tensors "
                                                    "whose full name matches: '*self_attn*', '*.weight'.")] = None,
    what_if: Annotated[list[str], typer.Option("--what-if", metavar="KEY=2x", help="Show instead what changing a "
                                               "number does: hidden_size=2x, num_layers=2x, vocab_size=256000, "
                                               "ffn_ratio=2x; repeatable.")] = [],  # noqa: B006 - typer copies it
) -> int:
    """Explain each number: formula, values, copies and source; or what changing one would do; or a rule."""
    if RULE.fullmatch(model):
        from paramcalc.reports import rule

        if path_glob or what_if or common.set:
            raise UsageError(Problem(f"{model} is a rule: a PATH-GLOB, --what-if and --set have no effect"))
        emit([rule.answer(model)], common, many=False)
        return 0
    if what_if and path_glob:
        raise UsageError(Problem("a PATH-GLOB has no effect with --what-if"))

    def make(loaded: Loaded) -> Report:
        from paramcalc.build import build
        from paramcalc.reports import explain as reports

        if what_if:
            from paramcalc.spec.what_if import changed

            return reports.what_if(loaded, build(loaded.spec), build(changed(loaded.spec, what_if)), what_if)
        return reports.answer(loaded, build(loaded.spec, explain=True), path_glob or "*")

    return answer_all([model], common, make)
