"""Tables as lines of styled pieces: columns aligned, nothing cut, as wide as there is room."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.reports.cells import cells
from paramcalc.reports.gauge import drawn_in_letters
from paramcalc.sanitize import visible

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from paramcalc.reports.table import Table

Piece = tuple[str, str]
"""Text and the name of its style."""
Line = list[Piece]
BAR, LEAST_BAR = 20, 6
GOOD_TEXT, LEAST_TEXT = 24, 16
"""Columns that a folded text has where there is room elsewhere, and where there is none."""
GAP = "  "
DOT = " · "
VERDICTS = {"fits": "good", "yes": "good", "does not fit": "bad", "no": "bad", "bound": "doubt", "unknown": "bad"}
"""Styles of cells that begin with a verdict, or say that a figure is not what it looks like."""
SHORTENED = "shortened: a wider terminal, --format csv or --json shows all of it"


class Slot(NamedTuple):
    """A printed column: its heading, its texts (the total last), where they stand and how they look."""

    heading: str
    texts: list[str]
    right: bool
    style: str = ""
    folds: bool = False
    spare: bool = False
    """The next one says the same in short."""
    optional: bool = False
    """Left out where there is no room."""

    @property
    def width(self) -> int:
        """Columns (of a terminal) of the widest line."""
        return widest((self.heading, *self.texts))

    @property
    def blanks(self) -> bool:
        """Whether texts have blanks to fold at, as names have not."""
        return any(" " in text.strip() for text in self.texts)


@lru_cache(maxsize=1024)
def widest(texts: tuple[str, ...]) -> int:
    """Columns of the widest line; asked for often while a table is fitted."""
    return max(length(part) for text in texts for part in text.split("\n"))


def length(text: str) -> int:
    """Columns a terminal needs for a text."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)


def lines(tables: Sequence[Table], width: int, *, ascii_only: bool = False) -> list[Line]:
    """All tables, an empty line between them."""
    page: list[Line] = []
    for number, table in enumerate(tables):
        if number:
            page.append([])
        page += one(table, width, ascii_only=ascii_only)
    return page


def one(table: Table, width: int, *, ascii_only: bool = False) -> list[Line]:
    """Title, headings, rows, total, notes, in lines of at most `width`.

    Bars shrink and then go, texts and headings fold, numbers are said in short, optional columns go; columns that are
    still too many stand in parts below each other, each with the first column.
    """
    table = table.for_people()
    every_slot = _slots(table)
    slots = fitted(every_slot, width)
    printed: list[Line] = [[(part, "title")] for part in _wrapped(visible(table.title, 10_000), width) if part]
    for number, part in enumerate(panels(slots, width)):
        if number:
            printed.append([])
        printed += _panel(table, part, width, ascii_only)
    notes = (*drawn_in_letters(table.gauge), *table.notes, *((SHORTENED,) if len(slots) < len(every_slot) else ()))
    return printed + [[(part, look_of_note(note))] for note in notes for part in _wrapped(visible(note, 10_000), width)]


def look_of_note(note: str) -> str:
    """The style of a line below a table: that of its verdict where it begins with one, `does not fit: …`."""
    return VERDICTS.get(note.partition(":")[0], "note")


def _panel(table: Table, slots: list[Slot], width: int, ascii_only: bool) -> list[Line]:
    """Headings, rows and total of the columns that stand beside each other."""
    printed: list[Line] = []
    if any(slot.heading for slot in slots):
        printed += _row([slot.heading for slot in slots], slots, style="head")
    bars = _bars(table, width, slots, ascii_only)
    for index in range(len(table.rows)):
        printed += _row([slot.texts[index] for slot in slots], slots, bars[index])
    if table.total is not None:
        printed += _row([slot.texts[-1] for slot in slots], slots, style="total")
    return printed


def _wrapped(text: str, width: int) -> list[str]:
    if length(text) <= width:
        return [text]
    from textwrap import wrap

    parts: list[str] = []
    for part in text.split(DOT):
        if parts and length(parts[-1]) + length(DOT + part) <= width:
            parts[-1] += DOT + part
        else:
            parts += wrap(part, width, break_long_words=False, break_on_hyphens=False)
    return parts


def _slots(table: Table) -> list[Slot]:
    """One slot a column, two where a column says a number exactly and in short."""
    rows = cells(table)
    slots: list[Slot] = []
    for index, column in enumerate(table.columns):
        if column.kind == "bar":
            continue
        texts = [visible(row[index][0], len(row[index][0]) * 10 + 1) for row in rows]
        if index == 0:
            texts = ["  " * depth + text for depth, text in zip(_depths(table, len(texts)), texts, strict=True)]
        slots.append(Slot(column.name, texts, column.right, "share" if column.kind == "share" else "",
                          folds=column.kind == "text", optional=column.optional))
        brief = [row[index][1] for row in rows]
        if any(brief):
            slots[-1] = slots[-1]._replace(spare=True)
            slots.append(Slot("", brief, right=True, style="brief", optional=column.optional))
    return slots


def _depths(table: Table, count: int) -> list[int]:
    depths = list(table.depths) or [0] * len(table.rows)
    return depths + [0] * (count - len(depths))


def fitted(slots: list[Slot], width: int) -> list[Slot]:
    """The slots with the least done to them that makes them fit; with everything done where nothing does."""
    if _over(slots, width) <= 0:
        return slots
    tries = [[slot._replace(heading=_narrow(slot)) for slot in slots]]
    tries += [_folded(tries[-1], width, GOOD_TEXT, names_too=False)]
    tries += [_shortened(slots)]
    for _ in filter(lambda slot: slot.optional, tries[-1]):
        tries.append(_without_last_optional(tries[-1]))
    for least, names_too in ((GOOD_TEXT, False), (GOOD_TEXT, True), (LEAST_TEXT, True)):
        for slots_so_far in tries:
            if _over(folded := _folded(slots_so_far, width, least, names_too=names_too), width) <= 0:
                return folded
    return tries[-1]


def panels(slots: list[Slot], width: int) -> list[list[Slot]]:
    """The slots in parts that fit side by side; each begins with those that tell the rows apart."""
    names = _names(slots, width)
    parts: list[list[Slot]] = [names]
    for index, slot in enumerate(slots[len(names):], len(names)):
        together = [slot, slots[index + 1]] if slot.spare else [slot]
        inseparable = slots[index - 1].spare
        if len(parts[-1]) > len(names) and not inseparable and _over([*parts[-1], *together], width) > 0:
            parts.append(names)
        parts[-1] = [*parts[-1], slot]
    return parts


def _names(slots: list[Slot], width: int) -> list[Slot]:
    """The first columns, as few as no two rows share, on half the width; the first one where there are none such."""
    for count in range(1, len(slots)):
        rows = list(zip(*(slot.texts for slot in slots[:count]), strict=True))
        if _over(slots[:count], width // 2) > 0:
            break
        if len(set(rows)) == len(rows) and not slots[count - 1].spare:
            return slots[:count]
    return slots[:1]


def _narrow(slot: Slot) -> str:
    """The heading in lines no wider than what stands below it, or than its longest word."""
    words = slot.heading.split()
    if len(words) < 2:
        return slot.heading
    body = max((length(part) for text in slot.texts for part in text.split("\n")), default=0)
    room = max(body, *map(length, words))
    rows = [words[0]]
    for word in words[1:]:
        if length(f"{rows[-1]} {word}") <= room:
            rows[-1] += f" {word}"
        else:
            rows.append(word)
    return "\n".join(rows)


def _shortened(slots: list[Slot]) -> list[Slot]:
    """Each number that is said exactly and in short, in short."""
    short: list[Slot] = []
    for slot in slots:
        if short and short[-1].spare:
            exact = short.pop()
            texts = [brief or full for full, brief in zip(exact.texts, slot.texts, strict=True)]
            short.append(slot._replace(heading=exact.heading, texts=texts))
        else:
            short.append(slot)
    return [slot._replace(heading=_narrow(slot)) for slot in short]


def _without_last_optional(slots: list[Slot]) -> list[Slot]:
    last = max(index for index, slot in enumerate(slots) if slot.optional)
    return slots[:last] + slots[last + 1:]


def _over(slots: list[Slot], width: int) -> int:
    return sum(slot.width for slot in slots) + len(GAP) * (len(slots) - 1) - width


def _folded(slots: list[Slot], width: int, least: int, *, names_too: bool) -> list[Slot]:
    """The slots, their widest text columns folded one after the other, none below `least`; names, which have no blank
    to fold at, only where that is said."""
    slots = list(slots)
    for _ in range(len(slots)):
        over = _over(slots, width)
        able = [i for i, slot in enumerate(slots) if slot.folds and (names_too or slot.blanks)]
        index = max(able, key=lambda i: slots[i].width, default=None)
        if over <= 0 or index is None or slots[index].width <= least:
            break
        room = max(least, slots[index].width - over)
        slots[index] = slots[index]._replace(texts=[_fold(text, room) for text in slots[index].texts])
    return slots


def _fold(text: str, room: int) -> str:
    """The text in lines of at most `room`, broken after a space or a dot where there is one."""
    indent = " " * (len(text) - len(text.lstrip()) + 2)
    rows = []
    while length(text) > room:
        end = text.rfind(" ", len(indent), room + 1) + 1 or max(text.rfind(mark, len(indent), room) + 1
                                                                for mark in (".", "_", "/"))
        end = end if end > len(indent) else room
        rows.append(text[:end].rstrip())
        text = indent + text[end:]
    return "\n".join([*rows, text])


def _row(texts: list[str], slots: list[Slot], bar: str = "", style: str = "") -> list[Line]:
    """A row of cells, as many lines as its highest; headings stand at the bottom of theirs."""
    parts = [text.split("\n") for text in texts]
    height = max((len(part) for part in parts), default=1)
    if style == "head":
        parts = [[""] * (height - len(part)) + part for part in parts]
    rows = []
    for level in range(height):
        line = _line([part[level] if level < len(part) else "" for part in parts], slots, style)
        rows.append([*line, (GAP + bar, "bar")] if bar and level == 0 else line)
    return rows


def _line(texts: list[str], slots: list[Slot], style: str) -> Line:
    line: Line = []
    for number, (text, slot) in enumerate(zip(texts, slots, strict=True)):
        room = " " * (slot.width - length(text))
        last = number == len(slots) - 1
        padded = room + text if slot.right else text if last and not slot.right else text + room
        look = VERDICTS.get(text.partition(",")[0] if slot.folds else "", style or slot.style)
        line.append((padded + ("" if last else GAP), look))
    return line


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
