"""GitHub's tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.reports.cells import cells, joined
from paramcalc.reports.findings import summary
from paramcalc.reports.gauge import state
from paramcalc.reports.table import Gauge
from paramcalc.sanitize import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paramcalc.reports.table import Table
    from paramcalc.reports.writers import Batch, Findings


def reports(batch: Batch) -> str:
    """Every table under its title."""
    return to_markdown([table for report in batch.reports for table in report.tables])


def to_markdown(tables: Sequence[Table]) -> str:
    """GitHub tables, each under its title."""
    out: list[str] = []
    for table in (table.for_people() for table in tables):
        rows = cells(table)
        keep = [i for i, c in enumerate(table.columns) if c.kind != "bar"]
        if table.title:
            out.append(f"**{_md(table.title)}**\n")
        out.append("| " + " | ".join(_md(table.columns[i].name) for i in keep) + " |")
        out.append("|" + "|".join("---:" if table.columns[i].right else "---" for i in keep) + "|")
        for number, row in enumerate(rows[: len(table.rows)]):
            indent = "&nbsp;" * 2 * (table.depths[number] if table.depths else 0)
            out.append("| " + indent + " | ".join(_md(joined(row[i])) for i in keep) + " |")
        if table.total is not None:
            bold = (_md(joined(rows[-1][i])) for i in keep)
            out.append("| " + " | ".join(f"**{text}**" if text else "" for text in bold) + " |")
        notes = (state(table.gauge), *table.notes) if isinstance(table.gauge, Gauge) else table.notes
        out += ["", *(f"_{_md(note)}_  " for note in notes), ""]
    return "\n".join(out).rstrip("\n") + "\n"


def _md(text: str) -> str:
    clean = visible(text, len(text) * 10 + 1)
    for mark in ("\\", "|", "<", ">", "`", "*", "_", "[", "]"):
        clean = clean.replace(mark, "\\" + mark)
    return clean


def findings(checked: Findings) -> str:
    """A table for a pull request or a job's summary."""
    run = checked.run
    rows = [f"| {_cell(f.severity)} | {_cell(f.rule)} | {_cell(f.path)}{f':{f.line}' if f.line else ''} | "
            f"{_cell(f.message)} | {_cell(f.hint)} |" for f in run.findings]
    table = ["| severity | rule | place | finding | hint |", "|---|---|---|---|---|", *rows, ""] if rows else []
    skipped = [f"| {_cell(file.path)} | {_cell(file.why)} |" for file in run.passed_over]
    if skipped:
        table += ["| skipped | why |", "|---|---|", *skipped, ""]
    return "\n".join([f"**paramcalc check**: {_cell(summary(run))}", "", *table])


def _cell(text: str) -> str:
    clean = visible(text, 2000)
    for mark in ("\\", "|", "<", "`", "*", "_", "["):
        clean = clean.replace(mark, f"\\{mark}")
    return clean
