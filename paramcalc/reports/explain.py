"""What `explain` says: the formula of every number, and what a change of one number does to the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.errors import Problem, UsageError
from paramcalc.measures.explain import Formula, explain
from paramcalc.measures.parameters import COMPONENTS, count
from paramcalc.reports.count import head, headline
from paramcalc.reports.table import Answer, Column, Table
from paramcalc.tree import join

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paramcalc.build import Model
    from paramcalc.readers.models import Loaded


def answer(loaded: Loaded, model: Model, glob: str = "*") -> Answer:
    """Each tensor whose name fits the glob: formula, values, copies, source. Raises UsageError where none fits."""
    found = explain(model.tree, glob)
    if not found:
        raise UsageError(Problem(f"{glob[:100]!r} fits no tensor", hint="`count --by tensor` shows the names"))
    json = head("explain", loaded) | {"formulas": [
        {"path": join(each.path, each.name), "formula": each.formula, "values": each.values, "copies": each.copies,
         "parameters": each.parameters, "component": each.component, "source": each.source} for each in found]}
    return Answer(json, (_table(model, found),))


def _table(model: Model, found: Sequence[Formula]) -> Table:
    rows: list[tuple[Any, ...]] = []
    depths: list[int] = []
    last = ""
    for each in found:
        if each.path != last or not rows:
            rows.append((each.path, each.formula if not each.name else f"[{each.source}]", None))
            depths.append(0)
            last = each.path
        if each.name:
            said = f"{each.formula} = {each.values}" + (" (buffer)" if each.buffer else "")
            rows.append((each.name, said, each.parameters))
            depths.append(1)
    total = sum(each.parameters for each in found)
    columns = (Column("tensor"), Column("formula = values"), Column("parameters", "exact"))
    return Table(headline(model), columns, tuple(rows), ("total", "", total), depths=tuple(depths))


def what_if(loaded: Loaded, before: Model, after: Model, changes: Sequence[str]) -> Answer:
    """The growth of each component after the changes."""
    old, new = count(before.tree), count(after.tree)
    names = [name for name in COMPONENTS if name in old.components or name in new.components]
    pairs = {name: (old.components.get(name, (0, 0))[0], new.components.get(name, (0, 0))[0]) for name in names}
    said = dict(change.split("=", 1) for change in changes)
    json = head("explain", loaded) | {"what_if": {
        "set": said, "total": {"before": old.total, "after": new.total},
        "components": [{"component": name, "before": b, "after": a} for name, (b, a) in pairs.items()]}}
    columns = (Column("component"), Column("before", "count"), Column("after", "count"), Column("growth", "number"))
    rows = tuple((name, b, a, _growth(b, a)) for name, (b, a) in pairs.items())
    table = Table(f"{headline(before)}   what if {', '.join(changes)}", columns, rows,
                  ("total", old.total, new.total, _growth(old.total, new.total)),
                  ("only the named numbers change: others, such as head_dim and intermediate_size, stay as given",))
    return Answer(json, (table,))


def _growth(before: int, after: int) -> str:
    return f"× {after / before:.3f}" if before else "new"
