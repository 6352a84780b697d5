"""The table of `list`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.numbers import many
from paramcalc.reports.table import Column, Kind, Table

if TYPE_CHECKING:
    from paramcalc.answers.listing import Listing

KINDS: dict[str, Kind] = {"total": "count", "active": "count", "memory_bytes": "bytes", "bandwidth": "rate",
                          "bf16_flops": "speed", "block": "exact"}
SINGULAR = {"families": "family"}
HIDDEN = ("source", "classes", "spelling", "neutral_keys")
FOR_PROGRAMS = ("row",)
"""Columns that CSV has and people do not need: where code stands."""
DROPPED_FIRST = ("gguf",)
"""Columns that a narrow terminal leaves out, so that others need not fold in every row."""


def tables(answer: Listing) -> tuple[Table, ...]:
    """A row for each entry; sources and what is no single word are in the JSON only."""
    keys = [key for key in (answer.items[0]._fields if answer.items else ("name",)) if key not in HIDDEN]
    columns = tuple(Column(key.replace("_", " "), KINDS.get(key, "text"), for_people=key not in FOR_PROGRAMS,
                           optional=key in DROPPED_FIRST) for key in keys)
    rows = tuple(tuple(getattr(item, key) for key in keys) for item in answer.items)
    noun = SINGULAR.get(answer.what, answer.what.removesuffix("s"))
    return (Table("", columns, rows, notes=(many(len(answer.items), noun),)),)
