"""Raw cells to what is printed: numbers with separators, shares that add to 100."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.numbers import pair, percent, shares

if TYPE_CHECKING:
    from paramcalc.reports.table import Table

Cell = tuple[str, str]
"""What is exact, and the same in short or nothing."""


def cells(table: Table) -> list[list[Cell]]:
    """The printed cells of every row, the total last where there is one; shares add to 100 within each column."""
    every = [*table.rows, *((table.total,) if table.total is not None else ())]
    pairs = [[pair(value, column.kind) for value, column in zip(row, table.columns, strict=True)] for row in every]
    for index, column in enumerate(table.columns):
        if column.kind == "share":
            texts = _shares([row[index] for row in table.rows], table.depths)
            if table.total is not None:
                texts.append("" if table.total[index] is None else "100.00%")
            for row, text in zip(pairs, texts, strict=True):
                row[index] = (text, "")
    return pairs


def joined(cell: Cell) -> str:
    """A cell in one piece: 8,030,261,248 (8.03 B)."""
    return f"{cell[0]} ({cell[1]})" if cell[1] else cell[0]


def _shares(raw: list[int | None], depths: tuple[int, ...]) -> list[str]:
    """Shares of the rows that are not indented add to 100; an indented row is a part of the one above it."""
    top = [i for i, value in enumerate(raw) if value is not None and not (depths and depths[i])]
    values = [raw[i] or 0 for i in top]
    total = sum(values)
    by_row = dict(zip(top, shares(values), strict=True))
    return [by_row[i] if i in by_row else "" if value is None or not total else percent(value, total)
            for i, value in enumerate(raw)]
