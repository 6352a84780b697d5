"""One self-contained file: the tables, and the JSON inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.reports.findings import tables
from paramcalc.reports.html.document import document
from paramcalc.reports.html.tables import tables_html
from paramcalc.reports.writers import json

if TYPE_CHECKING:
    from paramcalc.reports.writers import Batch, Findings


def reports(batch: Batch) -> str:
    """The file of one command's answers."""
    names = [str(report.json.get("model", {}).get("name", "")) for report in batch.reports]
    return document(" · ".join(filter(None, names)) or "paramcalc",
                    [tables_html(report.tables) for report in batch.reports], json.reports(batch))


def findings(checked: Findings) -> str:
    """The file of a run of `check`: what was found, and every file with what became of it."""
    return document("paramcalc check", [tables_html(tables(checked.run))], json.findings(checked))
