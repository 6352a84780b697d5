"""What `check` says: findings as text, JSON, or annotations for a GitHub run."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from paramcalc.errors import Problem, UsageError
from paramcalc.numbers import many
from paramcalc.sanitize import visible

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramcalc.checks.results import Finding, Run


def to_text(run: Run, mark: Callable[[str], str] = str) -> str:
    """A line a finding, its hint below it, a line a file that was skipped, and the summary.

    `mark` writes the words error, warning, note and hint, in colour for a terminal.
    """
    return "".join(_lines(finding, mark) for finding in run.findings) + _passed(run) + f"{summary(run)}\n"


def summary(run: Run) -> str:
    """`62 files checked, all fine`, or `12 files checked, 3 skipped: 2 ignored by git, 1 hidden; 1 failed`."""
    files = f"{many(run.checked, 'file')} checked"
    reasons = Counter(file.why for file in run.skipped)
    if reasons:
        files += f", {len(run.skipped)} skipped: " + ", ".join(
            f"{number} {visible(why, 200)}" for why, number in reasons.most_common()) + ";"
    if not run.checked and run.others:  # nothing is fine that nobody looked at
        files += f"{'' if reasons else ':'} {many(run.others, 'file')} without a word of a model"
        return files if not run.failed else f"{files}; {run.failed} failed"
    warned = sum(finding.severity != "error" for finding in run.findings)
    said = f", {many(warned, 'warning')}" if warned else ""
    start = f"{files} " if reasons else f"{files}, "
    return f"{start}{run.failed} failed{said}" if run.failed else f"{start}all fine{said}"


def _passed(run: Run) -> str:
    """A line a file that was not checked, and one for folders nobody looked into."""
    lines = [f"{visible(file.path, 2000)}: skipped: {visible(file.why, 400)}\n" for file in run.skipped]
    if run.unsearched:
        lines.append(f"not looked into: {visible(', '.join(run.unsearched), 400)}\n")
    return "".join(lines)


def _lines(finding: Finding, mark: Callable[[str], str]) -> str:
    place = finding.path + (f":{finding.line}:{finding.column}" if finding.line else "")
    hint = f"  {mark('hint')}: {visible(finding.hint, 2000)}\n" if finding.hint else ""
    message = visible(finding.message, 2000)
    return f"{visible(place, 2000)}: {mark(finding.severity)}: {finding.rule} {message}\n{hint}"


def to_json(run: Run) -> str:
    """The contract's object."""
    from paramcalc.answers.check import check_answer

    return json.dumps(check_answer(run).to_dict(), indent=2, ensure_ascii=False) + "\n"


def to_github(run: Run) -> str:
    """Workflow commands, which annotate the changed lines, then the text people read in the log."""
    return "".join(_annotation(finding) for finding in run.findings) + "".join(
        f"::notice file={_escaped(visible(file.path, 2000), ':,')},title=paramcalc skipped::{_escaped(file.why)}\n"
        for file in run.skipped) + f"{summary(run)}\n"


def _annotation(finding: Finding) -> str:
    level = {"error": "error", "warning": "warning", "note": "notice"}[finding.severity]
    fields = {"file": visible(finding.path, 2000), "line": finding.line or None, "col": finding.column or None,
              "title": f"paramcalc {finding.rule}"}
    said = ",".join(f"{key}={_escaped(str(value), ':,')}" for key, value in fields.items() if value is not None)
    text = finding.message + (f"\nhint: {finding.hint}" if finding.hint else "")
    return f"::{level} {said}::{_escaped(text)}\n"


def _escaped(text: str, more: str = "") -> str:
    """Percent-encoding of what a workflow command gives a meaning to."""
    for char in "%\r\n" + more:
        text = text.replace(char, f"%{ord(char):02X}")
    return text


def to_markdown(run: Run) -> str:
    """A table for a pull request or a job's summary."""
    rows = [f"| {_cell(f.severity)} | {_cell(f.rule)} | {_cell(f.path)}{f':{f.line}' if f.line else ''} | "
            f"{_cell(f.message)} | {_cell(f.hint)} |" for f in run.findings]
    table = ["| severity | rule | place | finding | hint |", "|---|---|---|---|---|", *rows, ""] if rows else []
    skipped = [f"| {_cell(file.path)} | {_cell(file.why)} |" for file in run.skipped]
    if skipped:
        table += ["| skipped | why |", "|---|---|", *skipped, ""]
    return "\n".join([f"**paramcalc check**: {_cell(summary(run))}", "", *table])


def _cell(text: str) -> str:
    clean = visible(text, 2000)
    for mark in ("\\", "|", "<", "`", "*", "_", "["):
        clean = clean.replace(mark, f"\\{mark}")
    return clean


def step_summary(run: Run, path: str | None) -> None:
    """Append the markdown to a job's summary, where the workflow has one. Raises UsageError where it cannot."""
    if path:
        try:
            with open(path, "a", encoding="utf-8") as file:
                file.write(to_markdown(run) + "\n")
        except (OSError, ValueError) as error:
            reason = (getattr(error, "strerror", None) or "not a valid file name").lower()
            raise UsageError(Problem(f"the step's summary cannot be written: {reason}", source=visible(path, 400),
                                     hint="GITHUB_STEP_SUMMARY names it")) from error


def _other(name: str) -> Callable[[Run], str]:
    def render(run: Run) -> str:
        from paramcalc.reports import check_formats

        make: Callable[[Run], str] = getattr(check_formats, f"to_{name}")
        return make(run)

    return render


RENDERERS: dict[str, Callable[[Run], str]] = {
    "text": to_text, "json": to_json, "github": to_github, "markdown": to_markdown, "gitlab": _other("gitlab"),
    "sarif": _other("sarif"), "junit": _other("junit"),
}
"""By format."""
