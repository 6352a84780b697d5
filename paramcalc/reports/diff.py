"""What `diff` says: figures, components and tensors before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.reports.count import head
from paramcalc.reports.table import Answer, Column, Table

if TYPE_CHECKING:
    from paramcalc.checks.diff import Change, Difference
    from paramcalc.readers.models import Loaded

LABELS = {"total": "parameters", "active": "active parameters", "buffers": "values in buffers",
          "bytes_bf16": "bytes of weights, bf16", "cache_per_token": "cache bytes a token, bf16, at 4,096",
          "flops_per_token": "forward FLOPs a token, full, at 4,096"}


def answer(old: Loaded, new: Loaded, found: Difference) -> Answer:
    """The difference as an object and as tables; what did not change is left out of the tables."""
    json = head("diff", new)
    json |= {"old": head("diff", old)["model"], "new": json["model"], "same": found.same,
             "assumptions": {"context": 4096, "seq": 4096, "dtype": "bf16", "cache_policy": "exact",
                             "convention": "full"},
             "figures": [_change(change) for change in found.figures],
             "components": [_change(change) for change in found.components],
             "tensors": [change._asdict() | {"shape": list(change.shape)} for change in found.tensors]}
    title = f"{old.spec.name or old.source} → {new.spec.name or new.source}"
    if found.same:
        return Answer(json, (Table(title, (Column(""),), (("the two hold the same tensors, and cost the same",),)),))
    tables = [_table(title, "figure", [(LABELS[c.name], c) for c in found.figures])]
    changed = [(change.name, change) for change in found.components if change.by]
    if changed:
        tables.append(_table("by component", "component", changed))
    if found.tensors:
        tables.append(_tensors(found))
    return Answer(json, tuple(tables))


def _change(change: Change) -> dict[str, Any]:
    share = round(change.by / change.old, 6) if change.old else None
    return {"name": change.name, "old": change.old, "new": change.new, "change": change.by, "share": share}


def _table(title: str, what: str, changes: list[tuple[str, Change]]) -> Table:
    columns = (Column(what), Column("old", "exact"), Column("new", "exact"), Column("change", "exact"),
               Column("percent", "number"))
    return Table(title, columns, tuple((name, c.old, c.new, c.by, percent(c)) for name, c in changes))


def percent(change: Change) -> str:
    """+1.25 %; `new` and `gone` where one side has none."""
    if change.old == change.new:
        return ""
    return f"{100 * change.by / change.old:+.2f} %" if change.old and change.new else "new" if change.new else "gone"


def _tensors(found: Difference) -> Table:
    columns = (Column("tensor"), Column("shape", "shape"), Column("old copies", "exact"), Column("new copies", "exact"))
    rows = tuple((change.name, change.shape, change.old, change.new) for change in found.tensors)
    return Table("by tensor", columns, rows)
