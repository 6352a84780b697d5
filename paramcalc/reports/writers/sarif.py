"""Findings for code scanning: SARIF 2.1.0."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from paramcalc._version import __version__
from paramcalc.checks.rules import rules
from paramcalc.reports.findings import fingerprints, message, printable, uri

if TYPE_CHECKING:
    from paramcalc.checks.results import Finding, Run
    from paramcalc.checks.rule import Rule
    from paramcalc.reports.writers import Findings


def findings(checked: Findings) -> str:
    """Findings as SARIF 2.1.0. Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/."""
    run = checked.run
    selected = list(rules().values())
    index = {rule.code: number for number, rule in enumerate(selected)}
    driver = {"name": "paramcalc", "version": __version__, "rules": [_sarif_rule(rule) for rule in selected]}
    marks = fingerprints(run.findings)
    results = [_sarif_result(f, index, mark) for f, mark in zip(run.findings, marks, strict=True)]
    document = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0",
                "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results,
                          "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": _passed(run)}]}]}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _passed(run: Run) -> list[dict[str, Any]]:
    """A notification for each file that was not checked."""
    return [{"level": "note", "message": {"text": f"not checked: {printable(file.why)}"}, "locations": [
        {"physicalLocation": {"artifactLocation": {"uri": uri(file.path)}}}]} for file in run.passed_over]


def _sarif_rule(rule: Rule) -> dict[str, Any]:
    return {"id": rule.code, "name": rule.name, "shortDescription": {"text": rule.summary},
            "fullDescription": {"text": f"{rule.summary} {rule.why}"}, "help": {"text": rule.why},
            "defaultConfiguration": {"level": rule.severity}}


def _sarif_result(finding: Finding, index: dict[str, int], mark: str) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": uri(finding.path)}}
    if finding.line:
        place["region"] = {"startLine": finding.line, "startColumn": max(finding.column, 1)}
    return {"ruleId": finding.rule, "ruleIndex": index[finding.rule], "level": finding.severity,
            "message": {"text": message(finding)}, "locations": [{"physicalLocation": place}],
            "partialFingerprints": {"paramcalc/v1": mark}}
