"""`check`: findings of the specs and configs under some paths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from paramcalc.answers.answer import Document
from paramcalc.checks.results import File, Severity

if TYPE_CHECKING:
    from paramcalc.checks.results import Run


class Result(NamedTuple):
    """One thing found at one place; line and column 0 where none is known."""

    path: str
    rule: str
    severity: Severity
    line: int
    column: int
    message: str
    hint: str
    expected: int | str | None
    actual: int | str | None


@dataclass(frozen=True, kw_only=True)
class Check(Document):
    """Everything one run found."""

    command: ClassVar[str] = "check"
    checked: int
    """Files."""
    failed: int
    """Files with an error."""
    results: tuple[Result, ...]
    files: tuple[File, ...]
    """Every file under the paths that is, or could have been meant as, a spec or a config."""
    others: int
    """YAML and JSON files that say nothing of a model."""
    unsearched: tuple[str, ...]
    """Folders that were not looked into."""


def check_answer(run: Run) -> Check:
    """The record of a run."""
    results = tuple(Result(*(getattr(finding, key) for key in Result._fields)) for finding in run.findings)
    return Check(checked=run.checked, failed=run.failed, results=results, files=run.files, others=run.others,
                 unsearched=run.unsearched)
