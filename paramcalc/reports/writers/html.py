"""One self-contained file: the tables, and the JSON inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.reports.findings import message, summary
from paramcalc.reports.html.document import document
from paramcalc.reports.html.tables import tables_html
from paramcalc.reports.table import Column, Table
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
    run = checked.run
    place = Column("line", "number")
    rows = tuple((each.path, each.line or None, each.severity, each.rule, message(each)) for each in run.findings)
    every = tuple((file.path, file.state, file.why) for file in run.files)
    tables = (Table(summary(run), (Column("file"), place, Column("severity"), Column("rule"), Column("finding")), rows),
              Table("files", (Column("file"), Column("state"), Column("why")), every))
    return document("paramcalc check", [tables_html([table for table in tables if table.rows or table is tables[0]])],
                    json.findings(checked))
