"""The one way commands run: load each MODEL, answer, write, give the exit code."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.cli.options import Color
from paramcalc.cli.streams import tell
from paramcalc.errors import PCError
from paramcalc.reports.writers import UNLIMITED, Batch, Screen, report_writer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import TextIO

    from paramcalc.cli.options import Common, Written
    from paramcalc.readers.models import Reading
    from paramcalc.reports.table import Report


class Outcome(NamedTuple):
    """What became of one MODEL."""

    report: Report
    warnings: tuple[str, ...] = ()
    error: PCError | None = None


def answer_all(models: Sequence[str], common: Common, make: Callable[[Reading], Report], jobs: int = 1) -> int:
    """Load and answer each model; one that fails becomes an object with `error`, the rest still come.

    With `jobs`, so many processes at once, which need `make` to pickle.
    """
    from paramcalc.cli.progress import progress
    from paramcalc.parallel import over

    with progress("models", quiet=common.quiet) as tick:
        outcomes = over(partial(answer, common, make), models, jobs, tick)
    code = 0
    for outcome in outcomes:
        if outcome.error is not None:
            code = max(code, outcome.error.exit_code)
            report(outcome.error, common.color)
            continue
        if not common.quiet:
            for warning in outcome.warnings:
                warn(warning, common.color)
        code = code or int(outcome.report.failed)
    reports = [outcome.report for outcome in outcomes]
    if len(reports) == 1 and "error" in reports[0].json and common.style != "jsonl":
        return code
    emit(reports, common, many=len(models) > 1)
    return code


def answer(common: Common, make: Callable[[Reading], Report], model: str) -> Outcome:
    """Load and answer one model."""
    from paramcalc.readers.models import load
    from paramcalc.readers.text.located import located

    try:
        reading = load(model, common.set, strict=common.strict, tell=common.tell)
        try:
            return Outcome(make(reading), tuple(reading.warnings))
        except PCError as error:
            raise located(error, reading.document) from error
    except PCError as error:
        return Outcome(failed(model, error), error=error)


def report(error: PCError, color: Color = Color.auto) -> None:
    """Write each problem and its hint to standard error, control characters made visible."""
    from paramcalc.sanitize import visible

    mark = marker(sys.stderr, color)
    for problem in error.problems:
        tell(f"{mark('error')}: {visible(str(problem), 2000)}\n")
        if problem.hint:
            tell(f"{mark('hint')}: {visible(problem.hint, 2000)}\n")


def failed(model: str, error: PCError) -> Report:
    """What stands in place of the answer for a MODEL that cannot be answered."""
    from paramcalc.answers.answer import record
    from paramcalc.answers.failure import failure
    from paramcalc.reports.table import Report

    return Report(record(failure(model, error)))


def warn(message: str, color: Color = Color.auto) -> None:
    """A warning on standard error."""
    from paramcalc.sanitize import visible

    tell(f"{marker(sys.stderr, color)('warning')}: {visible(message, 2000)}\n")


def marker(stream: TextIO, color: Color) -> Callable[[str], str]:
    """What writes `error`, `warning`, `note` and `hint` to a stream: in their colours where it gets any."""
    return Screen(colored=coloured(color, stream)).mark


def emit(reports: Sequence[Report], common: Written, *, many: bool) -> None:
    """Write the answers on standard output or to the file asked for; the file is made only now that all is well."""
    write(report_writer(common.style)(Batch(reports, many, screen(common.output, common.color))), common.output)


def screen(output: Path | None, color: Color) -> Screen:
    """Where the lines go: a terminal, a pipe or a file."""
    if output is not None:
        return Screen(width(output))
    return Screen(width(), sys.stdout.encoding or "ascii", coloured(color))


def write(text: str, output: Path | None) -> None:
    """To the file, or to standard output, where what its encoding lacks is spelled out."""
    if output is not None and str(output) != "-":
        from paramcalc.atomic import write_atomic

        write_atomic(output, text)
        return
    if not _wide_encoding():
        from paramcalc.reports.render import spelled

        text = spelled(text, sys.stdout.encoding or "ascii")
    sys.stdout.write(text)


def _wide_encoding() -> bool:
    return (sys.stdout.encoding or "ascii").lower().replace("-", "").startswith("utf")


def coloured(color: Color, stream: TextIO | None = None) -> bool:
    """Whether to colour what goes to a stream, standard output where none is named: as --color says, else as NO_COLOR,
    TERM=dumb, FORCE_COLOR and the terminal say, in this order."""
    if color is not Color.auto:
        return color is Color.always
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (stream or sys.stdout).isatty()


def width(output: Path | None = None) -> int:
    """Columns to fill: those of the terminal or of COLUMNS; without limit into a pipe or a file."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and 0 < int(columns) < UNLIMITED:
        return int(columns)
    if output is not None or not sys.stdout.isatty():
        return UNLIMITED
    return os.get_terminal_size(sys.stdout.fileno()).columns or UNLIMITED
