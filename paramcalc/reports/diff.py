"""Tables of `diff`: figures, components and tensors before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc import numbers
from paramcalc.reports.certainty import partly
from paramcalc.reports.table import Column, Table

if TYPE_CHECKING:
    from paramcalc.answers.diff import Change, Diff
    from paramcalc.checks.diff import TensorChange
    from paramcalc.measures.certainty import Certainty

LABELS = {"total": "parameters", "active": "active parameters", "buffers": "values in buffers",
          "bytes_bf16": "bytes of weights, bf16", "cache_per_token": "cache bytes a token, bf16, at 4,096",
          "flops_per_token": "forward FLOPs a token, full, at 4,096"}


def tables(answer: Diff) -> tuple[Table, ...]:
    """Every figure, then components and tensors that changed."""
    title = f"{answer.old.name or answer.old.source} → {answer.new.name or answer.new.source}"
    notes = _notes(answer)
    if answer.same:
        return (Table(title, (Column(""),), (("the two hold the same tensors, and cost the same",),), notes=notes),)
    tables = [_figures(answer, title)._replace(notes=notes)]
    if changed := [(row.name, row, answer.known["components"]) for row in answer.components if row.change]:
        tables.append(_changes("by component", "component", changed))
    if answer.tensors:
        tables.append(_tensors(answer.tensors))
    return tuple(tables)


def csv_rows(answer: Diff) -> Table | None:
    """Every figure of two that are the same, where people read a sentence; None where both read the same tables."""
    return _figures(answer) if answer.same else None


def _figures(answer: Diff, title: str = "") -> Table:
    return _changes(title, "figure", [(LABELS[row.name], row, answer.known[row.name]) for row in answer.figures])


def _notes(answer: Diff) -> tuple[str, ...]:
    """What neither side counts or reads, and the comparison is therefore without."""
    keys = ", ".join(answer.unread)
    unread = (f"a lower bound: {keys} could change a size and is not used",) if keys else ()
    return (*partly(answer), *unread)


def _changes(title: str, what: str, changes: list[tuple[str, Change, Certainty]]) -> Table:
    columns = (Column(what), Column("old", "exact"), Column("new", "exact"), Column("change", "exact"),
               Column("percent", "number"), Column("known", for_people=any(level != "exact" for *_, level in changes)))
    return Table(title, columns, tuple((label, row.old, row.new, row.change, percent(row), level)
                                       for label, row, level in changes))


def percent(change: Change) -> str:
    """+1.25%; `new` and `gone` where one side has none."""
    if change.old == change.new:
        return ""
    if not (change.old and change.new):
        return "new" if change.new else "gone"
    return numbers.change(change.old, change.new)


def _tensors(changes: tuple[TensorChange, ...]) -> Table:
    columns = (Column("tensor"), Column("shape", "shape"), Column("old copies", "exact"), Column("new copies", "exact"))
    return Table("by tensor", columns, tuple((row.name, row.shape, row.old, row.new) for row in changes))
