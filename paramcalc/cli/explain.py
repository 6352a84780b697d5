"""`paramcalc explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from paramcalc.cli.options import Common, One
from paramcalc.cli.run import answer_all, emit
from paramcalc.errors import CODE, Problem, UsageError
from paramcalc.estimates.explain_settings import ExplainSettings

if TYPE_CHECKING:
    from paramcalc.readers.models import Reading
    from paramcalc.reports.table import Report

EXAMPLES = (
    "paramcalc explain deepseek-v3 '*self_attn*'",
    "paramcalc explain qwen3-8b --of cache --context 32k",
    "paramcalc explain gpt3-175b --what-if hidden_size=2x --what-if head_dim=2x",
)


def explain(
    model: One,
    common: Common,
    settings: ExplainSettings,
    path_glob: Annotated[str | None, typer.Argument(
        metavar="[PATH-GLOB]", show_default=False, help="Only tensors whose full name matches: '*self_attn*', "
        "'*.weight'.")] = None,
    what_if: Annotated[list[str], typer.Option(
        "--what-if", metavar="KEY=2x", help="Show the effect of changing a field instead: hidden_size=2x, "
        "num_layers=2x, vocab_size=256000, ffn_ratio=2x; repeatable.")] = [],  # noqa: B006 - typer copies it
) -> int:
    """Explain figures: formula, values, copies and source; or the effect of changing a field; or a rule."""
    if CODE.fullmatch(model):
        return _rule(model, common, needless=bool(path_glob or what_if or common.set or settings.is_set("about")))
    settings.check()
    if what_if and (path_glob or settings.is_set("about")):
        raise UsageError(Problem(f"{'a PATH-GLOB' if path_glob else '--of'} has no effect with --what-if"))
    if path_glob and settings.about == "keys":
        raise UsageError(Problem("a PATH-GLOB has no effect with --of keys"))

    def make(reading: Reading) -> Report:
        from paramcalc.answers import explain as answers
        from paramcalc.reports.explain import tables
        from paramcalc.reports.table import Report

        answer = answers.what_if(reading, what_if) if what_if else answers.explain(reading, settings, path_glob or "*")
        return Report(answer.to_dict(), tables(answer))

    return answer_all([model], common, make)


def _rule(code: str, common: Common, *, needless: bool) -> int:
    from paramcalc.answers.explain import explain_rule
    from paramcalc.reports.explain import rule_tables
    from paramcalc.reports.table import Report

    if needless:
        raise UsageError(Problem(f"{code} is a rule: a PATH-GLOB, --of, --what-if and --set have no effect"))
    answer = explain_rule(code)
    emit([Report(answer.to_dict(), rule_tables(answer))], common, many=False)
    return 0
