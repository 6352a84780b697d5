"""Options all commands share, and the one way they run: load each MODEL, answer, render, exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple, TextIO

import typer

from paramcalc.errors import PCError

if TYPE_CHECKING:
    from rich.console import Console

    from paramcalc.readers.models import Loaded
    from paramcalc.reports.table import Answer


class Format(StrEnum):
    """How an answer is written."""

    table = "table"
    json = "json"
    markdown = "markdown"
    csv = "csv"


class Color(StrEnum):
    """When colour is used."""

    auto = "auto"
    always = "always"
    never = "never"


Models = Annotated[list[str], typer.Argument(metavar="MODEL...", help="A spec, a config.json or its folder, a preset "
                                             "name, or - for standard input.")]
One = Annotated[str, typer.Argument(metavar="MODEL", help="A spec, a config.json or its folder, a preset name, or - "
                                    "for standard input.")]
Set = Annotated[list[str], typer.Option("--set", metavar="KEY=VALUE", help="Override a field before the model is "
                                        "built; dotted, repeatable.")]
FormatOption = Annotated[Format, typer.Option("--format", help="How the answer is written.")]
Json = Annotated[bool, typer.Option("--json", help="The same as --format json.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the answer to a file.")]
ColorOption = Annotated[Color, typer.Option("--color", help="When to use colour.")]
Strict = Annotated[bool, typer.Option("--strict", help="Unknown keys and uncounted parts are errors.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No warnings on standard error.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of a fault.")]


class Common(NamedTuple):
    """The common options of one run."""

    set: list[str]
    format: Format = Format.table
    json: bool = False
    output: Path | None = None
    color: Color = Color.auto
    strict: bool = False
    quiet: bool = False

    @property
    def style(self) -> Format:
        """The format asked for, by either spelling."""
        return Format.json if self.json else self.format


def answer_all(models: list[str], common: Common, make: Callable[[Loaded], Answer]) -> int:
    """Load and answer each model; one that fails becomes an object with `error`, the rest still come."""
    from paramcalc.cli.app import report
    from paramcalc.readers.models import load, located
    from paramcalc.reports.table import Answer

    answers: list[Answer] = []
    code = 0
    for model in models:
        try:
            loaded = load(model, common.set, strict=common.strict)
            try:
                found = make(loaded)
            except PCError as error:
                raise located(error, loaded.document) from error
        except PCError as error:
            code = max(code, error.exit_code)
            report(error)
            answers.append(Answer({"model": {"name": model}, "error": {"problems": [
                {"message": p.message, "path": p.dotted(), "line": p.line, "column": p.column, "source": p.source,
                 "hint": p.hint} for p in error.problems]}}))
            continue
        if not common.quiet:
            for warning in loaded.warnings:
                warn(warning)
        code = code or int(found.failed)
        answers.append(found)
    if len(answers) == 1 and "error" in answers[0].json:
        return code
    emit(answers, common, many=len(models) > 1)
    return code


def warn(message: str) -> None:
    """A warning on standard error."""
    from paramcalc.readers.quote import visible

    sys.stderr.write(f"warning: {visible(message, 2000)}\n")


def emit(answers: list[Answer], common: Common, *, many: bool) -> None:
    """Write the answers on standard output or to the file asked for."""
    from paramcalc.reports import render

    tables = [table for answer in answers for table in answer.tables]
    if common.style is Format.json:
        write(render.to_json(answers, many=many), common.output)
    elif common.style is Format.markdown:
        write(render.to_markdown(tables), common.output)
    elif common.style is Format.csv:
        write(render.to_csv(tables), common.output)
    elif common.output is not None:
        with common.output.open("w", encoding="utf-8") as file:
            render.show(tables, console(common.color, file))
    else:
        render.show(tables, console(common.color))


def write(text: str, output: Path | None) -> None:
    """To the file, or to standard output."""
    if output is None:
        sys.stdout.write(text)
    else:
        output.write_text(text, encoding="utf-8")


def console(color: Color, file: TextIO | None = None) -> Console:
    """A console: as wide as the terminal, unlimited into a pipe, colour as asked for and as the environment says."""
    from rich.console import Console

    plain = color is Color.never or (color is Color.auto and ("NO_COLOR" in os.environ
                                                              or os.environ.get("TERM") == "dumb"))
    piped = file is not None or not sys.stdout.isatty()
    width = int(os.environ["COLUMNS"]) if os.environ.get("COLUMNS", "").isdigit() else 10_000 if piped else None
    return Console(file=file, width=width, no_color=plain,
                   force_terminal=True if color is Color.always else None, markup=False, highlight=False, emoji=False,
                   legacy_windows=False)
