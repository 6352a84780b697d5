"""Findings as annotations of the changed lines, by GitHub's workflow commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.errors import Problem, UsageError
from paramcalc.reports.findings import summary, unsearched
from paramcalc.reports.writers import Findings, markdown
from paramcalc.sanitize import visible

if TYPE_CHECKING:
    from paramcalc.checks.results import Finding, Run


def findings(checked: Findings) -> str:
    """Workflow commands, which annotate the changed lines, then the text people read in the log."""
    run = checked.run
    return "".join(_annotation(finding) for finding in run.findings) + "".join(
        f"::notice file={_escaped(visible(file.path, 2000), ':,')},title=paramcalc skipped::{_escaped(file.why)}\n"
        for file in run.skipped) + f"{unsearched(run)}{summary(run)}\n"


def _annotation(finding: Finding) -> str:
    level = {"error": "error", "warning": "warning", "note": "notice"}[finding.severity]
    fields = {"file": visible(finding.path, 2000), "line": finding.line or None, "col": finding.column or None,
              "title": f"paramcalc {finding.rule}"}
    place = ",".join(f"{key}={_escaped(str(value), ':,')}" for key, value in fields.items() if value is not None)
    text = finding.message + (f"\nhint: {finding.hint}" if finding.hint else "")
    return f"::{level} {place}::{_escaped(text)}\n"


def _escaped(text: str, more: str = "") -> str:
    """Percent-encoding of what a workflow command gives a meaning to."""
    for char in "%\r\n" + more:
        text = text.replace(char, f"%{ord(char):02X}")
    return text


def step_summary(run: Run, path: str | None) -> None:
    """Append the markdown to a job's summary, where the workflow has one. Raises UsageError where it cannot."""
    if path:
        try:
            with open(path, "a", encoding="utf-8") as file:
                file.write(markdown.findings(Findings(run)) + "\n")
        except (OSError, ValueError) as error:
            reason = (getattr(error, "strerror", None) or "not a valid file name").lower()
            raise UsageError(Problem(f"the step's summary cannot be written: {reason}", source=visible(path, 400),
                                     hint="GITHUB_STEP_SUMMARY names it")) from error
