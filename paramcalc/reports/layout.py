"""Tables as lines of styled pieces: columns aligned, nothing cut, as wide as there is room."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from paramcalc.reports.cells import cells
from paramcalc.sanitize import visible

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from paramcalc.reports.table import Table

Piece = tuple[str, str]
"""Text and the name of its style."""
Line = list[Piece]
BAR, LEAST_BAR, LEAST_TEXT = 20, 6, 16
GAP = "  "
DOT = " · "
SHORTENED = "in short: a wider terminal, --format csv or --json has every digit"


class Slot(NamedTuple):
    """A printed column: its heading, its texts (the total last), where they stand and how they look."""

    heading: str
    texts: list[str]
    right: bool
    style: str = ""
    folds: bool = False
    spare: bool = False
    """The next one says the same in short."""

    @property
    def width(self) -> int:
        """Columns of the widest line."""
        return max(length(part) for text in (self.heading, *self.texts) for part in text.split("\n"))


def length(text: str) -> int:
    """Columns a terminal needs for a text."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)


def lines(tables: Sequence[Table], width: int, *, ascii_only: bool = False) -> list[Line]:
    """All tables, an empty line between them."""
    found: list[Line] = []
    for number, table in enumerate(tables):
        if number:
            found.append([])
        found += one(table, width, ascii_only=ascii_only)
    return found


def one(table: Table, width: int, *, ascii_only: bool = False) -> list[Line]:
    """Title, headings, rows, total, notes. Bars shrink and then go, texts fold, to keep `width`."""
    table = table.shown()
    whole = _slots(table)
    slots = _fitted(whole, width)
    found: list[Line] = [[(visible(table.title, 10_000), "title")]] if table.title else []
    if any(slot.heading for slot in slots):
        found.append(_line([slot.heading for slot in slots], slots, "head"))
    bars = _bars(table, width, slots, ascii_only)
    for index in range(len(table.rows)):
        found += _row([slot.texts[index] for slot in slots], slots, bars[index])
    if table.total is not None:
        found.append(_line([slot.texts[-1] for slot in slots], slots, "total"))
    notes = (*table.notes, *((SHORTENED,) if len(slots) < len(whole) else ()))
    return found + [[(part, "note")] for note in notes for part in _wrapped(visible(note, 10_000), width)]


def _wrapped(text: str, width: int) -> list[str]:
    if length(text) <= width:
        return [text]
    from textwrap import wrap

    found: list[str] = []
    for part in text.split(DOT):
        if found and length(found[-1]) + length(DOT + part) <= width:
            found[-1] += DOT + part
        else:
            found += wrap(part, width, break_long_words=False, break_on_hyphens=False)
    return found


def _slots(table: Table) -> list[Slot]:
    """One slot a column, two where a column says a number exactly and in short."""
    rows = cells(table)
    found: list[Slot] = []
    for index, column in enumerate(table.columns):
        if column.kind == "bar":
            continue
        texts = [visible(row[index][0], len(row[index][0]) * 10 + 1) for row in rows]
        if index == 0:
            texts = ["  " * depth + text for depth, text in zip(_depths(table, len(texts)), texts, strict=True)]
        found.append(Slot(column.name, texts, column.right, "share" if column.kind == "share" else "",
                          folds=column.kind == "text"))
        brief = [row[index][1] for row in rows]
        if any(brief):
            found[-1] = found[-1]._replace(spare=True)
            found.append(Slot("", brief, right=True, style="brief"))
    return found


def _depths(table: Table, count: int) -> list[int]:
    depths = list(table.depths) or [0] * len(table.rows)
    return depths + [0] * (count - len(depths))


def _fitted(slots: list[Slot], width: int) -> list[Slot]:
    """The slots, their widest text column folded where they do not fit; where that is not enough, numbers in short."""
    folded = _folded(slots, width)
    if _over(folded, width) <= 0 or not any(slot.spare for slot in slots):
        return folded
    found: list[Slot] = []
    for slot in slots:
        if found and found[-1].spare:
            exact = found.pop()
            texts = [brief or full for full, brief in zip(exact.texts, slot.texts, strict=True)]
            found.append(slot._replace(heading=exact.heading, texts=texts))
        else:
            found.append(slot)
    return _folded(found, width)


def _over(slots: list[Slot], width: int) -> int:
    return sum(slot.width for slot in slots) + len(GAP) * (len(slots) - 1) - width


def _folded(slots: list[Slot], width: int) -> list[Slot]:
    over = _over(slots, width)
    if over <= 0:
        return slots
    texts = [slot for slot in slots if slot.folds]
    widest = max(texts, key=lambda slot: slot.width, default=None)
    if widest is None or widest.width <= LEAST_TEXT:
        return slots
    room = max(LEAST_TEXT, widest.width - over)
    return [slot._replace(texts=[_fold(text, room) for text in slot.texts]) if slot is widest else slot
            for slot in slots]


def _fold(text: str, room: int) -> str:
    """The text in lines of at most `room`, broken after a space or a dot where there is one."""
    indent = " " * (len(text) - len(text.lstrip()) + 2)
    found = []
    while length(text) > room:
        cut = text.rfind(" ", len(indent), room + 1) + 1 or max(text.rfind(mark, len(indent), room) + 1
                                                                for mark in (".", "_", "/"))
        cut = cut if cut > len(indent) else room
        found.append(text[:cut].rstrip())
        text = indent + text[cut:]
    return "\n".join([*found, text])


def _row(texts: list[str], slots: list[Slot], bar: str) -> list[Line]:
    parts = [text.split("\n") for text in texts]
    height = max((len(part) for part in parts), default=1)
    found = []
    for level in range(height):
        line = _line([part[level] if level < len(part) else "" for part in parts], slots, "")
        found.append([*line, (GAP + bar, "bar")] if bar and level == 0 else line)
    return found


def _line(texts: list[str], slots: list[Slot], style: str) -> Line:
    found: Line = []
    for number, (text, slot) in enumerate(zip(texts, slots, strict=True)):
        room = " " * (slot.width - length(text))
        last = number == len(slots) - 1
        padded = room + text if slot.right else text if last and not slot.right else text + room
        found.append((padded + ("" if last else GAP), style or slot.style))
    return found


def _bars(table: Table, width: int, slots: list[Slot], ascii_only: bool) -> list[str]:
    """A bar for each row, as long as there is room for; empty where there is none."""
    index = next((i for i, column in enumerate(table.columns) if column.kind == "bar"), None)
    free = width - sum(slot.width for slot in slots) - len(GAP) * len(slots)
    if index is None or free < LEAST_BAR:
        return [""] * len(table.rows)
    values: list[Any] = [row[index] for row in table.rows]
    top = max((value for value in values if value), default=0)
    return [_bar(value, top, min(BAR, free), ascii_only) for value in values]


def _bar(value: int | None, top: int, room: int, ascii_only: bool) -> str:
    if not value or not top:
        return ""
    eighths = value * room * 8 // top
    if ascii_only:
        return "#" * (eighths // 8)
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()
