"""What the writers of findings share: the summary, tables, and texts that are safe where they stand."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from paramcalc.numbers import many
from paramcalc.reports.table import Column, Table
from paramcalc.sanitize import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paramcalc.checks.results import Finding, Run

LONG = 4000
"""Characters of a message at most."""


def unsearched(run: Run) -> str:
    """A line that names the folders nobody looked into; nothing where there are none."""
    return f"not looked into: {visible(', '.join(run.unsearched), 400)}\n" if run.unsearched else ""


def summary(run: Run) -> str:
    """`62 files checked, all fine`, or `12 files checked, 3 skipped: 2 ignored by git, 1 hidden; 1 failed`."""
    files = f"{many(run.checked, 'file')} checked"
    reasons = Counter(file.why for file in run.skipped)
    if reasons:
        files += f", {len(run.skipped)} skipped: " + ", ".join(
            f"{number} {visible(why, 200)}" for why, number in reasons.most_common()) + ";"
    if not run.checked and run.others:  # nothing is fine that nobody looked at
        files += f"{'' if reasons else ':'} {many(run.others, 'file')} that do not describe a model"
        return files if not run.failed else f"{files}; {run.failed} failed"
    warned = sum(finding.severity != "error" for finding in run.findings)
    warnings = f", {many(warned, 'warning')}" if warned else ""
    start = f"{files} " if reasons else f"{files}, "
    return f"{start}{run.failed} failed{warnings}" if run.failed else f"{start}all fine{warnings}"


def tables(run: Run) -> tuple[Table, ...]:
    """What was found, under the summary, and every file with what became of it."""
    rows = tuple((each.path, each.line or None, each.severity, each.rule, message(each)) for each in run.findings)
    every = tuple((file.path, file.state, file.why) for file in run.files)
    columns = (Column("file"), Column("line", "number"), Column("severity"), Column("rule"), Column("finding"))
    findings = Table(summary(run), columns, rows)
    return (findings, Table("files", (Column("file"), Column("state"), Column("why")), every)) if every else (findings,)


def fingerprints(findings: Sequence[Finding]) -> list[str]:
    """One each, which stays the same while the finding does, wherever its line moves to."""
    numbers: dict[str, int] = {}
    marks = []
    for finding in findings:
        text = "\0".join((posix(finding.path), finding.rule, finding.message))
        numbers[text] = number = numbers.get(text, 0) + 1
        marks.append(hashlib.sha256(f"{text}\0{number}".encode(errors="replace")).hexdigest())
    return marks


def printable(text: str) -> str:
    """The text with control characters made visible, and cut."""
    return visible(text, LONG)


def message(finding: Finding) -> str:
    """What a finding says, with its hint."""
    return visible(finding.message, LONG) + (f" ({visible(finding.hint, LONG)})" if finding.hint else "")


def posix(path: str) -> str:
    """The path with slashes, whatever the system."""
    return Path(path).as_posix().removeprefix("./")


def uri(path: str) -> str:
    """A path as a relative URI reference, percent-encoded."""
    return quote(posix(path), safe="/~")
