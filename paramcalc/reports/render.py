"""Answers to text: tables for a terminal, JSON, markdown, CSV. Nothing here computes a figure."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

from paramcalc.reports.numbers import printed, shares

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from paramcalc.reports.table import Answer, Table

BAR = 20


def cells(table: Table) -> tuple[list[list[str]], list[str] | None]:
    """Printed cells of the rows and of the total; shares are made to add to 100 within each column."""
    columns = table.columns
    rows = [[printed(value, column.kind) for value, column in zip(row, columns, strict=True)] for row in table.rows]
    for index, column in enumerate(columns):
        raw = [row[index] for row in table.rows]
        if column.kind == "share":
            top = [i for i, v in enumerate(raw) if v is not None and not (table.depths and table.depths[i])]
            for i, text in zip(top, shares([raw[i] for i in top]), strict=True):
                rows[i][index] = text
            whole = sum(raw[i] for i in top)
            for i, value in enumerate(raw):
                if value is not None and i not in top and whole:
                    rows[i][index] = f"{100 * value / whole:.2f}%"
    total = None
    if table.total is not None:
        total = ["100.00%" if c.kind == "share" and v is not None else printed(v, c.kind)
                 for v, c in zip(table.total, columns, strict=True)]
    return rows, total


def to_json(answers: Sequence[Answer], *, many: bool) -> str:
    """One object, or an array in the order given."""
    objects = [answer.json for answer in answers]
    return json.dumps(objects if many else objects[0], indent=2, ensure_ascii=False) + "\n"


def to_markdown(tables: Sequence[Table]) -> str:
    """GitHub tables, each under its title."""
    out: list[str] = []
    for table in tables:
        rows, total = cells(table)
        keep = [i for i, c in enumerate(table.columns) if c.kind != "bar"]
        out.append(f"**{_md(table.title)}**\n")
        out.append("| " + " | ".join(_md(table.columns[i].name) for i in keep) + " |")
        out.append("|" + "|".join("---:" if table.columns[i].right else "---" for i in keep) + "|")
        for number, row in enumerate(rows):
            indent = "&nbsp;" * 2 * (table.depths[number] if table.depths else 0)
            out.append("| " + indent + " | ".join(_md(row[i]) for i in keep) + " |")
        if total is not None:
            out.append("| " + " | ".join(f"**{_md(total[i])}**" if total[i] else "" for i in keep) + " |")
        out += ["", *(f"_{_md(note)}_  " for note in table.notes), ""]
    return "\n".join(out)


def _md(text: str) -> str:
    from paramcalc.readers.quote import visible

    clean = visible(text, len(text) + 1)
    for mark in ("\\", "|", "<", ">", "`", "*", "_", "[", "]"):
        clean = clean.replace(mark, "\\" + mark)
    return clean


def to_csv(tables: Sequence[Table]) -> str:
    """Raw values, one header a table, an empty line between tables."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for number, table in enumerate(tables):
        if number:
            out.write("\n")
        keep = [i for i, c in enumerate(table.columns) if c.kind not in ("bar", "share")]
        writer.writerow([table.columns[i].name for i in keep])
        for row in (*table.rows, *((table.total,) if table.total else ())):
            writer.writerow([_raw(row[i]) for i in keep])
    return out.getvalue()


def _raw(value: Any) -> Any:  # noqa: ANN401 - raw cells
    if isinstance(value, tuple):
        return "x".join(str(int(v)) for v in value)
    if isinstance(value, str):
        from paramcalc.readers.quote import visible

        value = visible(value, len(value) + 1)
        return f"'{value}" if value[:1] in ("=", "+", "-", "@") else value
    return value


def show(tables: Sequence[Table], console: Console) -> None:
    """Print tables on a terminal, or plainly into a pipe, where nothing is cut."""
    from rich.table import Table as RichTable
    from rich.text import Text

    from paramcalc.readers.quote import visible

    ascii_only = not console.encoding.lower().startswith("utf")
    for number, table in enumerate(tables):
        if number:
            console.print()
        console.print(Text(visible(table.title, 10_000), style="bold"))
        rich = RichTable(box=None, pad_edge=False, header_style="dim", show_edge=False, padding=(0, 2, 0, 0))
        for column in table.columns:
            rich.add_column(column.name if column.kind != "bar" else "", justify="right" if column.right else "left",
                            overflow="fold" if column.kind == "text" else "ignore", no_wrap=column.kind != "text")
        rows, total = cells(table)
        top = max((v for row in table.rows for v, c in zip(row, table.columns, strict=True)
                   if c.kind == "bar" and v is not None), default=0)
        for index, (row, raw) in enumerate(zip(rows, table.rows, strict=True)):
            indent = "  " * (table.depths[index] if table.depths else 0)
            texts = [_bar(value, top, ascii_only) if c.kind == "bar" else visible(text, len(text) + 1)
                     for text, value, c in zip(row, raw, table.columns, strict=True)]
            texts[0] = indent + texts[0]
            rich.add_row(*(Text(text) for text in texts))
        if total is not None:
            rich.add_row(*(Text(text, style="bold") for text in total))
        console.print(rich)
        for note in table.notes:
            console.print(Text(visible(note, 10_000), style="dim"))


def _bar(value: int | None, top: int, ascii_only: bool) -> str:
    if not value or not top:
        return ""
    eighths = value * BAR * 8 // top
    if ascii_only:
        return "#" * (eighths // 8)
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()
