"""What `solve` shows: a row a candidate, with the options that make it."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from paramcalc.reports.table import Column, Table

if TYPE_CHECKING:
    from paramcalc.answers.solve import Solve
    from paramcalc.estimates.design.solve import Candidate


def tables(answer: Solve) -> tuple[Table, ...]:
    """One row a candidate, best first."""
    level = answer.known["candidates"]
    columns = (Column("total", "count"), Column("active", "exact", for_people=_sparse(answer)),
               Column("off by", "number"), Column("distance", "number"), Column("options"),
               Column("known", for_people=False))
    rows = tuple((each.total, each.active, f"{each.difference:+.3%}", f"{each.strangeness:.2f}", _options(each), level)
                 for each in answer.candidates)
    notes = (f"count one: paramcalc count {answer.model.name} with its options · best first: of that size, then near "
             "it, the most like the family before others · distance: from the shapes of the family",
             *((f"a lower bound: {answer.bound}",) if answer.bound else ()))
    return (Table(f"like {answer.model.name}", columns, rows, notes=notes),)


def _options(candidate: Candidate) -> str:
    """What makes it, as a shell takes it."""
    return " ".join(f"--set {quote(change)}" for change in candidate.changes)


def _sparse(answer: Solve) -> bool:
    return any(each.active != each.total for each in answer.candidates)
