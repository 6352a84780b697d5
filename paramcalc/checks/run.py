"""Check files one after another: valid, what they promise, the rules, and what was recorded of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.build import build
from paramcalc.checks.checked_model import Subject
from paramcalc.checks.expectations import broken_promises
from paramcalc.checks.results import Finding, Run
from paramcalc.checks.rule import Rule
from paramcalc.checks.rules import rules
from paramcalc.checks.selection import Selection, comments
from paramcalc.errors import PCError
from paramcalc.readers.models import load, located

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from paramcalc.readers.models import Loaded


def check(
    paths: Sequence[Path], overrides: Sequence[str] = (), *, selection: Selection | None = None,
    extras: Sequence[Callable[[Subject], Iterable[Finding]]] = (), last: Callable[[], Iterable[Finding]] = tuple,
) -> Run:
    """Every finding of every file, in order; `last` has what is found once all are checked."""
    chosen = Selection() if selection is None else selection
    known = rules()
    found = [finding for finding in chosen.unexplained() if chosen.wanted(finding)]
    for path in paths:
        found += [finding for finding in check_file(path, overrides, known, extras) if chosen.wanted(finding)]
    found += [finding for finding in last() if chosen.wanted(finding)]
    if chosen.strict:
        found = [finding._replace(severity="error") if finding.severity == "warning" else finding for finding in found]
    return Run(len(paths), tuple(found))


def check_file(
    path: Path, overrides: Sequence[str], known: dict[str, Rule],
    extras: Sequence[Callable[[Subject], Iterable[Finding]]] = (),
) -> list[Finding]:
    """What is wrong with one file, without what its comments ignore."""
    name = str(path)
    try:
        loaded = load(name, overrides)
        try:
            subject = Subject(name, loaded, build(loaded.spec))
        except PCError as error:
            raise located(error, loaded.document) from error
    except PCError as error:
        return [Finding.of(problem, name, problem.code) for problem in error.problems]
    ignored, bare = comments(path.read_text(encoding="utf-8-sig")) if path.suffix in (".yaml", ".yml") else ({}, [])
    found = [*_found(subject, known, extras), *_unknown_keys(loaded, name)]
    graded = [f._replace(severity=known[f.rule].severity) for f in found if f.rule not in ignored]
    return graded + [finding._replace(path=name) for finding in bare]


def _found(subject: Subject, known: dict[str, Rule], extras: Iterable[Callable[[Subject], Iterable[Finding]]],
           ) -> Iterator[Finding]:
    yield from broken_promises(subject)
    for rule in known.values():
        if rule.look is not None:
            yield from rule.look(subject)
    for extra in extras:
        yield from extra(subject)


def _unknown_keys(loaded: Loaded, name: str) -> Iterator[Finding]:
    for problem in loaded.unknown:
        yield Finding.of(loaded.document.located(problem), name, "PC501")
