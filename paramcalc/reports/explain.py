"""Tables of `explain`: formulas, the effect of a change, a rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.reports.count import headline
from paramcalc.reports.known import missing
from paramcalc.reports.table import Column, Table

if TYPE_CHECKING:
    from paramcalc.answers.explain import Explain, ExplainRule, WhatIf
    from paramcalc.build import Model


def tables(answer: Explain) -> tuple[Table, ...]:
    """The formulas, or what the change does."""
    if answer.what_if is not None and answer.before is not None:
        return (_what_if(answer.before, answer.what_if),)
    return (_formulas(answer),)


def _formulas(answer: Explain) -> Table:
    rows: list[tuple[Any, ...]] = []
    depths: list[int] = []
    last = ""
    for each in answer:
        if each.path != last or not rows:
            rows.append((each.path, each.formula if not each.name else f"[{each.source}]", None))
            depths.append(0)
            last = each.path
        if each.name:
            text = f"{each.formula} = {each.values}" + (" (buffer)" if each.buffer else "")
            rows.append((each.name, text, each.parameters))
            depths.append(1)
    total = sum(each.parameters for each in answer)
    columns = (Column("tensor"), Column("formula = values"), Column("parameters", "exact"))
    return Table(headline(answer.built), columns, tuple(rows), ("total", "", total), missing(answer), tuple(depths))


def _what_if(before: Model, effect: WhatIf) -> Table:
    columns = (Column("component"), Column("before", "count"), Column("after", "count"), Column("growth", "number"))
    rows = tuple((*row, _growth(row.before, row.after)) for row in effect.components)
    changes = ", ".join(f"{key}={value}" for key, value in effect.set.items())
    return Table(f"{headline(before)}   what if {changes}", columns, rows,
                 ("total", *effect.total, _growth(*effect.total)),
                 ("only the named numbers change: others, such as head_dim and intermediate_size, stay as given",))


def _growth(before: int, after: int) -> str:
    return f"× {after / before:.3f}" if before else "new"


def rule_tables(answer: ExplainRule) -> tuple[Table, ...]:
    """A rule, a line for each thing to know of it."""
    facts = (("severity", answer.severity), ("summary", answer.summary), ("why", answer.why), ("ignore", answer.ignore))
    return (Table(f"{answer.code} {answer.name}", (Column(""), Column("")), facts),)
