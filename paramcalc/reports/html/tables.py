"""A table as an HTML table: a caption, headings with their scope, numbers to the right, notes below."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from paramcalc.reports.cells import cells
from paramcalc.reports.gauge import gauge_legend, gauge_picture, state
from paramcalc.sanitize import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paramcalc.reports.cells import Cell
    from paramcalc.reports.table import Column, Table

BAR_WIDTH = 120
"""Pixels of the longest bar."""


def tables_html(tables: Sequence[Table]) -> str:
    """Every table in a frame of its own that scrolls where it is too wide."""
    return "\n".join(table_html(table.shown()) for table in tables)


def table_html(table: Table) -> str:
    """One table; nothing of its text is taken for markup."""
    rows = cells(table)
    heads = "".join(f'<th scope="col"{_class(column)}>{text(column.name)}</th>' if column.name else "<td></td>"
                    for column in table.columns)
    body = "".join(_row(table, rows[index], index) for index in range(len(table.rows)))
    foot = f"<tfoot>{_cells(table.columns, rows[-1], 'row')}</tfoot>" if table.total is not None else ""
    notes = "".join(f"<p>{text(note)}</p>" for note in table.notes)
    if table.gauge is not None:
        legend = " ".join(f"<span>{square} {text(name)}</span>" for name, square in gauge_legend(table.gauge))
        notes = (f'{gauge_picture(table.gauge)}<p class="legend">{legend}</p><p>{text(state(table.gauge))}</p>{notes}')
    return (f'<figure class="table" tabindex="0"><table><caption>{text(table.title)}</caption>'
            f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody>{foot}</table>"
            f"{f'<figcaption>{notes}</figcaption>' if notes else ''}</figure>")


def text(content: str) -> str:
    """Text as HTML: control characters shown, markup escaped."""
    return escape(visible(content, len(content) * 10 + 1))


def _row(table: Table, row: list[Cell], index: int) -> str:
    depth = table.depths[index] if table.depths else 0
    shares = [value for column, value in zip(table.columns, table.rows[index], strict=True) if column.kind == "bar"]
    most = max((abs(value) for shown in table.rows for column, value in zip(table.columns, shown, strict=True)
                if column.kind == "bar" and value), default=1)
    return _cells(table.columns, row, "row", depth, [BAR_WIDTH * abs(share or 0) / most for share in shares])


def _cells(columns: Sequence[Column], row: list[Cell], scope: str, depth: int = 0, bars: Sequence[float] = ()) -> str:
    widths = iter(bars)
    first = f'<th scope="{scope}" class="depth-{min(depth, 6)}">{_content(row[0])}</th>'
    rest = []
    for column, cell in zip(columns[1:], row[1:], strict=True):
        content = _bar(next(widths, 0.0)) if column.kind == "bar" else _content(cell)
        rest.append(f"<td{_class(column)}>{content}</td>")
    return f"<tr>{first}{''.join(rest)}</tr>"


def _content(cell: Cell) -> str:
    """A cell; where it must break it does so before its short form."""
    return f'{text(cell[0])} <span class="brief">({text(cell[1])})</span>' if cell[1] else text(cell[0])


def _bar(width: float) -> str:
    """A bar as long as its share; the share itself stands in a column of its own."""
    if width < 1:
        return ""
    return (f'<svg class="bar" width="{BAR_WIDTH}" height="10" aria-hidden="true">'
            f'<rect width="{width:.0f}" height="10"/></svg>')


def _class(column: Column) -> str:
    return ' class="number"' if column.right else ""
