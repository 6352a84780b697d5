"""A table as data: what every command hands to the renderers (terminal, markdown, CSV)."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

Kind = Literal["text", "number", "count", "exact", "bytes", "flops", "gib", "rate", "speed", "share", "bar", "shape"]
"""How a column's raw values are printed. text: as it is; number: as it is, to the right; exact: digits with separators;
count: exact and short (8,030,261,248 8.03 B); bytes: exact and GiB of 2^30; gib: GiB only; rate: bytes a second and
TB/s; flops: exact and GFLOP; speed: exact and TFLOP/s; share: percent of the whole; bar: a bar for a share;
shape: (out, in)."""


class Column(NamedTuple):
    """A heading and how its values are printed."""

    name: str
    kind: Kind = "text"
    for_people: bool = True
    """Columns that say nothing new to people are left to programs (CSV): their headings never change."""
    optional: bool = False
    """A narrow terminal may leave it out."""

    @property
    def right(self) -> bool:
        """Numbers stand to the right."""
        return self.kind not in ("text", "bar")


class Gauge(NamedTuple):
    """Memory of a device by part, against what it has."""

    parts: tuple[tuple[str, int], ...]
    """Names with different first letters, and bytes."""
    capacity: int
    usable: int
    name: str
    """Of the device."""


class Bars(NamedTuple):
    """Memory of several devices by part, a bar for each, against what one of them has."""

    rows: tuple[tuple[str, tuple[int, ...]], ...]
    """A name, and bytes of each part."""
    parts: tuple[tuple[str, str], ...]
    """The letter of each part and its name."""
    capacity: int
    name: str
    """Of the device; empty where none is named, and the capacity is what the fullest takes."""


class Table(NamedTuple):
    """Rows of raw values under columns; `depths` indent the first column; `total` is the last row, set apart."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    total: tuple[Any, ...] | None = None
    notes: tuple[str, ...] = ()
    """One line each under the table: assumptions, conventions."""
    depths: tuple[int, ...] = ()
    gauge: Gauge | Bars | None = None
    """Drawn between the rows and the notes."""

    def for_people(self) -> Table:
        """The table with the columns for people."""
        if all(column.for_people for column in self.columns):
            return self

        def pick(row: tuple[Any, ...]) -> tuple[Any, ...]:
            return tuple(value for value, column in zip(row, self.columns, strict=True) if column.for_people)

        return self._replace(columns=pick(self.columns), rows=tuple(map(pick, self.rows)),
                             total=pick(self.total) if self.total else None)


class Report(NamedTuple):
    """What a command writes of one model: the JSON object and the tables for people."""

    json: dict[str, Any]
    tables: tuple[Table, ...] = ()
    failed: bool = False
    """Something that was to hold does not; the exit code is 1."""
    rows: Table | None = None
    """What CSV holds where that is not the tables for people: one header, a row for each device, no prose."""
    text: str | None = None
    """What stands in place of tables where the answer is a document of its own (a spec as YAML)."""
