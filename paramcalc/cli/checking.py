"""What `paramcalc check` does once its line is understood; the parser is not needed for a line of paths alone."""

from __future__ import annotations

import os
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.cli.run import write
from paramcalc.cli.streams import tell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from paramcalc.checks.checked_model import Subject
    from paramcalc.checks.results import Finding, Run

    Extra = Callable[[Subject], Iterable[Finding]]


class Asked(NamedTuple):
    """What the line says."""

    paths: Sequence[Path]
    select: Sequence[str] = ()
    ignore: Sequence[str] = ()
    against: str | None = None
    write_lock: bool = False
    checkpoint: Path | None = None
    set: Sequence[str] = ()
    style: str | None = None
    output: Path | None = None
    strict: bool = False
    quiet: bool = False
    only_specs: bool = False
    require_lock: bool = False


def run_check(asked: Asked) -> int:
    """Check, write what was found, and give the exit code. Raises PCError for what cannot be looked into at all."""
    from paramcalc.reports.check import RENDERERS, step_summary, summary

    run = _checked(asked)
    style = asked.style or ("github" if os.environ.get("GITHUB_ACTIONS") == "true" else "text")
    write(RENDERERS[style](run), asked.output)
    if style == "github":
        step_summary(run, os.environ.get("GITHUB_STEP_SUMMARY"))
    if asked.output is not None and not asked.quiet:
        tell(f"{summary(run)}\n")
    return run.exit_code


def _checked(asked: Asked) -> Run:
    from paramcalc.checks.finder import find
    from paramcalc.checks.run import check
    from paramcalc.checks.selection import load_selection, select_codes

    search = find(asked.paths, only_specs=asked.only_specs)
    selection = select_codes(asked.select, asked.ignore, load_selection(Path.cwd()), strict=asked.strict)
    extras = _extras(asked, search.checked)
    return check(search, asked.set, selection=selection, extras=[each for each, _ in extras],
                 last=lambda: chain.from_iterable(last() for _, last in extras))


def _extras(asked: Asked, files: Sequence[Path]) -> list[tuple[Extra, Callable[[], Iterable[Finding]]]]:
    """The further comparisons: what each does with a file, and what once all are checked."""
    from paramcalc.checks.lock import comparison, record

    lock = record(files) if asked.write_lock else comparison(files, required=asked.require_lock)
    extras: list[tuple[Extra, Callable[[], Iterable[Finding]]]] = []
    if asked.against is not None:
        from paramcalc.checks.growth import growth

        extras.append(growth(asked.against, files))
    if asked.checkpoint is not None:
        from paramcalc.checks.checkpoint import against_checkpoint

        extras.append((against_checkpoint(asked.checkpoint), tuple))
    return [*extras, lock] if lock is not None else extras
