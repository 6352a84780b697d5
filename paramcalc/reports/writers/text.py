"""Findings for people: a line each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.reports.findings import summary, unsearched
from paramcalc.sanitize import visible

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramcalc.checks.results import Finding, Run
    from paramcalc.reports.writers import Findings


def findings(checked: Findings) -> str:
    """A line a finding, its hint below it, a line a file that was skipped, and the summary."""
    run = checked.run
    lines = "".join(_lines(finding, checked.screen.mark) for finding in run.findings)
    return f"{lines}{_passed(run)}{summary(run)}\n"


def _passed(run: Run) -> str:
    """A line a file that was not checked, and one for folders nobody looked into."""
    lines = [f"{visible(file.path, 2000)}: skipped: {visible(file.why, 400)}\n" for file in run.skipped]
    return "".join((*lines, unsearched(run)))


def _lines(finding: Finding, mark: Callable[[str], str]) -> str:
    place = finding.path + (f":{finding.line}:{finding.column}" if finding.line else "")
    hint = f"  {mark('hint')}: {visible(finding.hint, 2000)}\n" if finding.hint else ""
    message = visible(finding.message, 2000)
    return f"{visible(place, 2000)}: {mark(finding.severity)}: {finding.rule} {message}\n{hint}"
