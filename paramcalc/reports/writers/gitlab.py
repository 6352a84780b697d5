"""Findings for GitLab's merge requests."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from paramcalc.reports.findings import fingerprints, message, posix, printable

if TYPE_CHECKING:
    from paramcalc.reports.writers import Findings


def findings(checked: Findings) -> str:
    """Findings as a code quality report.

    Source: https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format.
    """
    run = checked.run
    levels = {"error": "major", "warning": "minor", "note": "info"}
    issues = [{"description": message(f), "check_name": f.rule, "fingerprint": mark, "severity": levels[f.severity],
              "location": {"path": posix(f.path), "lines": {"begin": max(f.line, 1)}}}
             for f, mark in zip(run.findings, fingerprints(run.findings), strict=True)]
    issues += [{"description": f"not checked: {printable(file.why)}", "check_name": "skipped", "severity": "info",
               "fingerprint": hashlib.sha256(f"skipped\0{posix(file.path)}".encode(errors="replace")).hexdigest(),
               "location": {"path": posix(file.path), "lines": {"begin": 1}}} for file in run.passed_over]
    return json.dumps(issues, indent=2, ensure_ascii=False) + "\n"
