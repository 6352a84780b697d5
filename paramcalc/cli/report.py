"""`paramcalc report`."""

from __future__ import annotations

import json
from pathlib import Path

from paramcalc.cli.options import Common, Models
from paramcalc.cli.run import report as tell_problems
from paramcalc.cli.run import warn, write
from paramcalc.errors import PCError, Problem, UsageError
from paramcalc.estimates.settings import PageSettings

EXAMPLES = (
    "paramcalc report llama-3.1-8b --output llama.html",
    "paramcalc report qwen3-8b qwen3-14b qwen3-32b --output qwen3.html",
    "paramcalc report path/to/config.json --context 32k --output report.html",
)


def report(models: Models, common: Common, settings: PageSettings) -> int:
    """Write a self-contained HTML page about one or more models: tables, charts, figures."""
    from paramcalc.readers.models import load
    from paramcalc.readers.text.located import located
    from paramcalc.reports.html.document import document
    from paramcalc.reports.html.sections import overview, section

    if common.style not in ("table", "html"):
        raise UsageError(Problem(f"report writes HTML, not {common.style}", hint="leave --format out"))
    sections, code = [], 0
    for model in models:
        try:
            reading = load(model, common.set, strict=common.strict, tell=common.tell)
            try:
                sections.append(section(reading, settings))
            except PCError as error:
                raise located(error, reading.document) from error
        except PCError as error:
            tell_problems(error, common.color)
            code = max(code, error.exit_code)
            continue
        for warning in () if common.quiet else reading.warnings:
            warn(warning, common.color)
    if sections:
        title = ", ".join(each.name for each in sections[:3]) + (" …" if len(sections) > 3 else "")
        parts = [each.html for each in sections]
        if len(sections) > 1:
            parts.insert(0, overview([each.row for each in sections], settings))
        figures = json.dumps({each.name: each.figures for each in sections}, separators=(",", ":"))
        write(document(f"paramcalc: {title}", parts, figures), common.output or Path("-"))
    return code
