"""A table as an HTML table: a caption, headings with their scope, numbers to the right, notes below."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from paramcalc.reports.cells import cells
from paramcalc.reports.gauge import drawn_in_colours
from paramcalc.reports.layout import VERDICTS, look_of_note
from paramcalc.sanitize import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paramcalc.reports.cells import Cell
    from paramcalc.reports.table import Column, Table

BAR_WIDTH = 120
"""Pixels of the longest bar."""
BLANKS = "   "
"""What sets the name of a model apart in a title on a terminal; a page shows one blank."""
LONG = 24
"""Letters of a text that needs a wide column."""
FIRM = "\u00a0"
"""A blank at which no line ends."""


def tables_html(tables: Sequence[Table]) -> str:
    """Every table in a frame of its own that scrolls where it is too wide."""
    return "\n".join(table_html(table.for_people()) for table in tables)


def table_html(table: Table) -> str:
    """One table; nothing of its text is taken for markup."""
    rows = cells(table)
    heads = "".join(f'<th scope="col"{_class(column)}>{text(column.name)}</th>' if column.name else "<td></td>"
                    for column in table.columns)
    body = "".join(_row(table, rows[index], index) for index in range(len(table.rows)))
    foot = f"<tfoot>{_cells(table.columns, rows[-1], 'row')}</tfoot>" if table.total is not None else ""
    notes = "".join(f'<p class="{look_of_note(note)}">{text(note)}</p>' for note in table.notes)
    picture, legend, summary = drawn_in_colours(table.gauge)
    if picture:
        key = " ".join(f"<span>{square} {text(name)}</span>" for name, square in legend)
        notes = f'{picture}<p class="legend">{key}</p><p>{text(summary)}</p>{notes}'
    return (f'<figure class="table" tabindex="0"><table><caption>{text(table.title.replace(BLANKS, ": ", 1))}</caption>'
            f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody>{foot}</table>"
            f"{f'<figcaption>{notes}</figcaption>' if notes else ''}</figure>")


def text(content: str) -> str:
    """Text as HTML: control characters shown, markup escaped."""
    return escape(visible(content, len(content) * 10 + 1))


def _row(table: Table, row: list[Cell], index: int) -> str:
    depth = table.depths[index] if table.depths else 0
    shares = [value for column, value in zip(table.columns, table.rows[index], strict=True) if column.kind == "bar"]
    most = max((abs(value) for values in table.rows for column, value in zip(table.columns, values, strict=True)
                if column.kind == "bar" and value), default=1)
    return _cells(table.columns, row, "row", depth, [BAR_WIDTH * abs(share or 0) / most for share in shares])


def _cells(columns: Sequence[Column], row: list[Cell], scope: str, depth: int = 0, bars: Sequence[float] = ()) -> str:
    widths = iter(bars)
    first = f'<th scope="{scope}" class="depth-{min(depth, 6)}">{_content(row[0])}</th>'
    rest = []
    for column, cell in zip(columns[1:], row[1:], strict=True):
        content = _bar(next(widths, 0.0)) if column.kind == "bar" else _content(cell, firm=column.right)
        rest.append(f"<td{_class(column, cell)}>{content}</td>")
    return f"<tr>{first}{''.join(rest)}</tr>"


def _content(cell: Cell, *, firm: bool = False) -> str:
    """A cell; where it must break it does so before its short form, or (`firm`) before a bracket."""
    full = text(cell[0])
    full = full.replace(" ", FIRM).replace(f"{FIRM}(", " (") if firm else full
    return f'{full} <span class="brief">({text(cell[1])})</span>' if cell[1] else full


def _bar(width: float) -> str:
    """A bar as long as its share; the share itself stands in a column of its own."""
    if width < 1:
        return ""
    return (f'<svg class="bar" width="{BAR_WIDTH}" height="10" aria-hidden="true">'
            f'<rect width="{width:.0f}" height="10"/></svg>')


def _class(column: Column, cell: Cell = ("", "")) -> str:
    """A number, a verdict, a text that needs room."""
    if column.right:
        return ' class="number"'
    if look := VERDICTS.get(cell[0].partition(",")[0]):
        return f' class="{look}"'
    return ' class="long"' if len(cell[0]) > LONG else ""
