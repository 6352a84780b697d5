"""Findings for the places people already look: GitLab's code quality, SARIF 2.1.0, JUnit."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from paramcalc._version import __version__
from paramcalc.checks.rule import Rule
from paramcalc.checks.rules import rules
from paramcalc.sanitize import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paramcalc.checks.results import Finding, Run

LONG = 4000


def to_gitlab(run: Run) -> str:
    """Code quality, https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format."""
    levels = {"error": "major", "warning": "minor", "note": "info"}
    found = [{"description": _said(f), "check_name": f.rule, "fingerprint": mark, "severity": levels[f.severity],
              "location": {"path": _posix(f.path), "lines": {"begin": max(f.line, 1)}}}
             for f, mark in zip(run.findings, _fingerprints(run.findings), strict=True)]
    found += [{"description": f"not checked: {_visible(file.why)}", "check_name": "skipped", "severity": "info",
               "fingerprint": hashlib.sha256(f"skipped\0{_posix(file.path)}".encode(errors="replace")).hexdigest(),
               "location": {"path": _posix(file.path), "lines": {"begin": 1}}} for file in run.skipped]
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def _fingerprints(findings: Sequence[Finding]) -> list[str]:
    """One each, which stays the same while the finding does, wherever its line moves to."""
    seen: dict[str, int] = {}
    found = []
    for finding in findings:
        text = "\0".join((_posix(finding.path), finding.rule, finding.message))
        seen[text] = number = seen.get(text, 0) + 1
        found.append(hashlib.sha256(f"{text}\0{number}".encode(errors="replace")).hexdigest())
    return found


def to_sarif(run: Run) -> str:
    """SARIF 2.1.0, https://docs.oasis-open.org/sarif/sarif/v2.1.0/."""
    known = list(rules().values())
    index = {rule.code: number for number, rule in enumerate(known)}
    driver = {"name": "paramcalc", "version": __version__, "rules": [_sarif_rule(rule) for rule in known]}
    marks = _fingerprints(run.findings)
    results = [_sarif_result(f, index, mark) for f, mark in zip(run.findings, marks, strict=True)]
    document = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0",
                "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results,
                          "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": _passed(run)}]}]}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _passed(run: Run) -> list[dict[str, Any]]:
    """A notification for each file that was not checked."""
    return [{"level": "note", "message": {"text": f"not checked: {_visible(file.why)}"}, "locations": [
        {"physicalLocation": {"artifactLocation": {"uri": _uri(file.path)}}}]} for file in run.skipped]


def _sarif_rule(rule: Rule) -> dict[str, Any]:
    return {"id": rule.code, "name": rule.name, "shortDescription": {"text": rule.summary},
            "fullDescription": {"text": f"{rule.summary} {rule.why}"}, "help": {"text": rule.why},
            "defaultConfiguration": {"level": rule.severity}}


def _sarif_result(finding: Finding, index: dict[str, int], mark: str) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": _uri(finding.path)}}
    if finding.line:
        place["region"] = {"startLine": finding.line, "startColumn": max(finding.column, 1)}
    return {"ruleId": finding.rule, "ruleIndex": index[finding.rule], "level": finding.severity,
            "message": {"text": _said(finding)}, "locations": [{"physicalLocation": place}],
            "partialFingerprints": {"paramcalc/v1": mark}}


def to_junit(run: Run) -> str:
    """A suite of the files with findings and one case for all that are fine; an error fails, the rest is output.

    Only what both common schemas know, Ant's (windyroad/JUnit-Schema) and Jenkins' (xunit-plugin, junit-10.xsd).
    """
    by_path: dict[str, list[Finding]] = {}
    for finding in run.findings:
        by_path.setdefault(finding.path, []).append(finding)
    cases = [_case(path, [f for f in found if f.severity == "error"]) for path, found in by_path.items()]
    fine = run.checked - len(by_path)
    cases += [f'  <testcase classname="paramcalc" name="{fine} files without findings" time="0"/>'] if fine > 0 else []
    cases += [f'  <testcase classname="paramcalc" name={_attribute(file.path)} time="0">\n   <skipped/>\n  </testcase>'
              for file in run.skipped]
    said = "\n".join(f"{f.severity}: {_line(f)}" for f in run.findings if f.severity != "error")
    said += "".join(f"\nskipped: {_posix(file.path)}: {_visible(file.why)}" for file in run.skipped)
    suite = (f'tests="{len(cases)}" failures="{run.failed}" errors="0" time="0" hostname="localhost" '
             f'timestamp="{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}"')
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>",
             f' <testsuite name="paramcalc check" package="paramcalc" id="0" {suite}>', "  <properties/>", *cases,
             f"  <system-out>{_text(said)}</system-out>", "  <system-err/>", " </testsuite>", "</testsuites>", ""]
    return "\n".join(lines)


def _case(path: str, errors: list[Finding]) -> str:
    head = f'  <testcase classname="paramcalc" name={_attribute(path)} time="0"'
    if not errors:
        return f"{head}/>"
    first = _attribute(f"{errors[0].rule} {errors[0].message}")
    failure = f'<failure type="{errors[0].rule}" message={first}>{_text(chr(10).join(map(_line, errors)))}</failure>'
    return f"{head}>\n   {failure}\n  </testcase>"


def _line(finding: Finding) -> str:
    return f"{_posix(finding.path)}:{finding.line}:{finding.column}: {finding.rule} {_said(finding)}"


def _attribute(text: str) -> str:
    """Quoted; what XML cannot hold is made visible."""
    return quoteattr(visible(text, LONG), {'"': "&quot;"})


def _text(text: str) -> str:
    return escape("\n".join(visible(line, LONG) for line in text.split("\n")))


def _visible(text: str) -> str:
    return visible(text, LONG)


def _said(finding: Finding) -> str:
    return visible(finding.message, LONG) + (f" ({visible(finding.hint, LONG)})" if finding.hint else "")


def _posix(path: str) -> str:
    return Path(path).as_posix().removeprefix("./")


def _uri(path: str) -> str:
    """A relative reference, percent-encoded."""
    return quote(_posix(path), safe="/~")
