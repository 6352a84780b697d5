"""Raw values for other programs: full digits, headings that do not change."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any

from paramcalc.sanitize import visible

if TYPE_CHECKING:
    from paramcalc.reports.writers import Batch


def reports(batch: Batch) -> str:
    """One table for all models where they have the same columns, the first of which then names the model;
    an empty line between tables of other columns."""
    blocks: dict[tuple[str, ...], list[list[Any]]] = {}
    for report in batch.reports:
        first = [report.json["model"]["name"]] if batch.several else []
        for table in report.tables if report.rows is None else (report.rows,):
            keep = [i for i, c in enumerate(table.columns) if c.kind not in ("bar", "share")]
            block = blocks.setdefault(tuple(table.columns[i].name for i in keep), [])
            every = (*table.rows, *((table.total,) if table.total else ()))
            block += [[*first, *(row[i] for i in keep)] for row in every]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for number, (heads, rows) in enumerate(blocks.items()):
        if number:
            out.write("\n")
        writer.writerow(["model", *heads] if batch.several else heads)
        writer.writerows([_raw(value) for value in row] for row in rows)
    return out.getvalue()


def _raw(value: Any) -> Any:  # noqa: ANN401 - raw cells
    if isinstance(value, tuple):
        return "x".join(str(int(v)) for v in value)
    if isinstance(value, str):
        value = visible(value, len(value) * 10 + 1)
        formula = value[:1] in ("=", "+", "-", "@") and not re.fullmatch(r"[+-][\d.,]+%?", value)
        return f"'{value}" if formula else value
    return value
