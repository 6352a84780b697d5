"""Tables of `explain`: formulas, the effect of a change, a rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.answers.explain import UNITS
from paramcalc.reports.certainty import marks, missing, partly, total_label
from paramcalc.reports.count import headline
from paramcalc.reports.table import Column, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paramcalc.answers.explain import Explain, ExplainRule, WhatIf
    from paramcalc.answers.explain_keys import KeyEffect
    from paramcalc.build import Model


def tables(answer: Explain) -> tuple[Table, ...]:
    """The formulas, what keys move, or what the change does."""
    if answer.what_if is not None and answer.before is not None:
        return (_what_if(answer, answer.before, answer.what_if),)
    if answer.keys is not None:
        return (_keys(answer, answer.keys),)
    return (_formulas(answer),)


def _formulas(answer: Explain) -> Table:
    """A row for each part with its source, and one for each number below it."""
    rows: list[tuple[Any, ...]] = []
    depths: list[int] = []
    last = ("", "")
    for each in answer:
        if (each.path, each.layers) != last or not rows:
            last = (each.path, each.layers)
            layers = f"layer{'' if each.layers.isdecimal() else 's'} {each.layers}  " if each.layers else ""
            rows.append((each.path, layers + (f"[{each.source}]" if each.values else each.formula), None))
            depths.append(0)
        if each.values:
            text = f"{each.formula} = {each.values}" + (" (buffer)" if each.buffer else "")
            rows.append((each.name or "(itself)", text, each.amount))
            depths.append(1)
    unit = {"bytes": "bytes", "flops": "FLOPs"}.get(UNITS.get(answer.of or "parameters", ""), "parameters")
    columns = (Column("part" if answer.of in ("cache", "flops") else "tensor"), Column("formula = values"),
               Column(unit, "exact"))
    assumed = " · ".join(f"{name.replace('_', ' ')} {value}" for name, value in answer.assumptions.items()
                         if name not in ("defaults", "length"))
    notes = (*((f"{answer.of}: {assumed}",) if assumed else ()), *missing(answer))
    return Table(headline(answer.built), columns, tuple(rows), (total_label(answer), "", answer.total), notes,
                 tuple(depths))


def _keys(answer: Explain, keys: Sequence[KeyEffect]) -> Table:
    """A row a key: what it moves, and how much the count grows when it is doubled."""
    level = answer.known["keys"]
    rows = tuple((effect.key, effect.value, _moves(effect), f"× {effect.doubled:.3f}" if effect.doubled else "",
                  level, "; ".join(answer.uncounted)) for effect in keys)
    columns = (Column("key"), Column("value"), Column("moves"), Column("doubled", "number"), *marks(level))
    notes = ("found by giving each key other values, one at a time; doubled: the count over its own, with twice the "
             "value",)
    return Table(headline(answer.built), columns, rows, notes=(*notes, *partly(answer), *missing(answer)))


def _moves(effect: KeyEffect) -> str:
    if effect.moves:
        return ", ".join(effect.moves)
    return "nothing: a hyperparameter" if effect.tried else "not tried: a choice, or it cannot change alone"


def _what_if(answer: Explain, before: Model, effect: WhatIf) -> Table:
    columns = (Column("component"), Column("before", "count"), Column("after", "count"), Column("growth", "number"))
    rows = tuple((*row, _growth(row.before, row.after)) for row in effect.components)
    changes = ", ".join(f"{key}={value}" for key, value in effect.set.items())
    return Table(f"{headline(before)}   what if {changes}", columns, rows,
                 (total_label(answer), *effect.total, _growth(*effect.total)),
                 ("only the named numbers change: others, such as head_dim and intermediate_size, stay as given",
                  *missing(answer)))


def _growth(before: int, after: int) -> str:
    return f"× {after / before:.3f}" if before else "new"


def rule_tables(answer: ExplainRule) -> tuple[Table, ...]:
    """A rule, a line for each thing to know of it."""
    facts = (("severity", answer.severity), ("summary", answer.summary), ("why", answer.why), ("ignore", answer.ignore))
    return (Table(f"{answer.code} {answer.name}", (Column(""), Column("")), facts),)
