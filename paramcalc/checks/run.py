"""Check files one after another: valid, what they promise, the rules, and what was recorded of them."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from paramcalc.build import build
from paramcalc.checks.checked_model import Subject
from paramcalc.checks.expectations import broken_promises
from paramcalc.checks.results import Finding, Run
from paramcalc.checks.rule import Rule
from paramcalc.checks.rules import rules
from paramcalc.checks.rules_search import NEAR, SKIPPED
from paramcalc.checks.selection import Selection, comments
from paramcalc.errors import DEFAULTED, PCError
from paramcalc.parallel import over
from paramcalc.readers.models import load
from paramcalc.readers.text.located import located
from paramcalc.transforms.formats import in_formats

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from paramcalc.checks.finder import Search
    from paramcalc.checks.results import File
    from paramcalc.readers.models import Reading


def check(
    search: Search, overrides: Sequence[str] = (), *, selection: Selection | None = None,
    extras: Sequence[Callable[[Subject], Iterable[Finding]]] = (), last: Callable[[], Iterable[Finding]] = tuple,
    jobs: int = 1, progress: Callable[[int, int], None] | None = None,
) -> Run:
    """Every finding of every file, in order; `last` has what is found once all are checked. With `jobs`, so many
    processes at once, which need the extras to pickle; `progress` is told (done, all)."""
    choice = Selection() if selection is None else selection
    findings = [finding for finding in choice.unexplained() if choice.counts(finding)]
    checked = [file for file in search.files if file.state == "checked"]
    for each in over(partial(_of_file, tuple(overrides), tuple(extras), choice.strict), checked, jobs, progress):
        findings += [finding for finding in each if choice.selects(finding)]
    findings += [finding for finding in last() if choice.selects(finding)]
    if choice.strict:
        findings += [finding for finding in _skipped(search) if choice.selects(finding)]
        findings = [f._replace(severity="error") if f.severity == "warning" else f for f in findings]
    return Run(len(checked), tuple(findings), search.files, len(search.others), search.unsearched)


def _of_file(
    overrides: Sequence[str], extras: Sequence[Callable[[Subject], Iterable[Finding]]], strict: bool, file: File,
) -> list[Finding]:
    findings = check_file(Path(file.path), overrides, rules(), extras, strict=strict)
    return [*_near(file, findings)] if file.why else findings


def check_file(
    path: Path, overrides: Sequence[str], selected: dict[str, Rule],
    extras: Sequence[Callable[[Subject], Iterable[Finding]]] = (), *, strict: bool = False,
) -> list[Finding]:
    """What is wrong with one file, without what its comments ignore; with `strict` also what nobody gave."""
    name = str(path)
    try:
        reading = load(name, overrides)
        try:
            subject = Subject(name, reading, build(reading.spec))
            in_formats(subject.model)  # whatever holds the weights refuses rules that match nothing: so must check
        except PCError as error:
            raise located(error, reading.document) from error
    except PCError as error:
        return [Finding.of(problem, name, problem.code) for problem in error.problems]
    commented = path.suffix.lower() in (".yaml", ".yml")
    ignored, bare = comments(path.read_text(encoding="utf-8-sig")) if commented else ({}, [])
    findings = [*_findings(subject, selected, extras), *_gaps(reading, name, strict=strict)]
    graded = [f._replace(severity=selected[f.rule].severity) for f in findings if f.rule not in ignored]
    return graded + [finding._replace(path=name) for finding in bare]


def _near(file: File, findings: list[Finding]) -> Iterator[Finding]:
    """That a file is not what it was meant as, and what reading it as such says, where that is more."""
    if all(finding.message != file.why for finding in findings):
        yield Finding(file.path, NEAR, file.why, hint=file.hint)
    yield from findings


def _skipped(search: Search) -> Iterator[Finding]:
    for file in search.files:
        if file.state == "skipped":
            yield Finding(file.path, SKIPPED, f"is not checked: {file.why}")


def _gaps(reading: Reading, name: str, *, strict: bool) -> Iterator[Finding]:
    """What leaves a size open; sizes from defaults where somebody wants none."""
    for gap in reading.gaps():
        if gap.problem.code != DEFAULTED or strict:
            line, column = reading.document.place(gap.place)  # at the root where no key of the document says it
            problem = reading.document.located(gap.problem)._replace(line=line, column=column)
            yield Finding.of(problem, name, problem.code)


def _findings(subject: Subject, selected: dict[str, Rule], extras: Iterable[Callable[[Subject], Iterable[Finding]]],
           ) -> Iterator[Finding]:
    yield from broken_promises(subject)
    for rule in selected.values():
        if rule.look is not None:
            yield from rule.look(subject)
    for extra in extras:
        yield from extra(subject)
