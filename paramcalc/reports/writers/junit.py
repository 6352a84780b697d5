"""Findings as test cases: JUnit's XML."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from paramcalc.numbers import many
from paramcalc.reports.findings import LONG, message, posix, printable
from paramcalc.sanitize import visible

if TYPE_CHECKING:
    from paramcalc.checks.results import Finding
    from paramcalc.reports.writers import Findings


def findings(checked: Findings) -> str:
    """A suite of the files with findings and one case for all that are fine; an error fails, the rest is output.

    Only what both common schemas know, Ant's (windyroad/JUnit-Schema) and Jenkins' (xunit-plugin, junit-10.xsd).
    """
    run = checked.run
    by_path: dict[str, list[Finding]] = {}
    for finding in run.findings:
        by_path.setdefault(finding.path, []).append(finding)
    cases = [_case(path, [f for f in of_file if f.severity == "error"]) for path, of_file in by_path.items()]
    fine = run.checked - len(by_path)
    name = f"{many(fine, 'file')} without findings"
    cases += [f'  <testcase classname="paramcalc" name="{name}" time="0"/>'] if fine > 0 else []
    cases += [f'  <testcase classname="paramcalc" name={_attribute(file.path)} time="0">\n   <skipped/>\n  </testcase>'
              for file in run.passed_over]
    others = "\n".join(f"{f.severity}: {_line(f)}" for f in run.findings if f.severity != "error")
    others += "".join(f"\nskipped: {posix(file.path)}: {printable(file.why)}" for file in run.passed_over)
    suite = (f'tests="{len(cases)}" failures="{run.failed}" errors="0" time="0" hostname="localhost" '
             f'timestamp="{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}"')
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>",
             f' <testsuite name="paramcalc check" package="paramcalc" id="0" {suite}>', "  <properties/>", *cases,
             f"  <system-out>{_text(others)}</system-out>", "  <system-err/>", " </testsuite>", "</testsuites>", ""]
    return "\n".join(lines)


def _case(path: str, errors: list[Finding]) -> str:
    head = f'  <testcase classname="paramcalc" name={_attribute(path)} time="0"'
    if not errors:
        return f"{head}/>"
    first = _attribute(f"{errors[0].rule} {errors[0].message}")
    failure = f'<failure type="{errors[0].rule}" message={first}>{_text(chr(10).join(map(_line, errors)))}</failure>'
    return f"{head}>\n   {failure}\n  </testcase>"


def _line(finding: Finding) -> str:
    return f"{posix(finding.path)}:{finding.line}:{finding.column}: {finding.rule} {message(finding)}"


def _attribute(text: str) -> str:
    """Quoted; what XML cannot hold is made visible."""
    return quoteattr(visible(text, LONG), {'"': "&quot;"})


def _text(text: str) -> str:
    return escape("\n".join(visible(line, LONG) for line in text.split("\n")))
