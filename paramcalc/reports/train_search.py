"""The table of `train --search`: layouts that fit, the fastest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.answers.train_search import RANKED
from paramcalc.reports.certainty import marks, missing, partly
from paramcalc.reports.count import headline
from paramcalc.reports.table import Column, Table
from paramcalc.reports.train_run import digits

if TYPE_CHECKING:
    from paramcalc.answers.train_search import TrainSearch

NAMES = ("tp", "pp", "dp", "ep", "cp", "zero")


def tables(answer: TrainSearch) -> tuple[Table, ...]:
    """A row for each layout."""
    timed = any(row.run is not None for row in answer.layouts)
    columns = (*(Column(name, "exact") for name in NAMES), Column("recompute"), Column("micro-batch", "exact"),
               Column("heaviest device", "gib"), Column("headroom", "gib"), Column("tokens/s"),
               Column("days", for_people=timed), *marks(answer.known["layouts"]))
    body = tuple((*(getattr(row, name) for name in NAMES), row.recompute, row.micro_batch, row.total, row.headroom,
                  digits(row.tokens_per_second), digits(row.run.days.expected) if row.run and row.run.days else "",
                  answer.known["layouts"], "; ".join(answer.uncounted))
                 for row in answer.layouts)
    which = "whose lower bound fits: no verdict" if answer.bound else "that fit"
    note = (f"{len(body):,} of {answer.fitting:,} parallel layouts of {answer.gpu.name}s {which}, {answer.tried:,} "
            f"layouts tried · ranked by {RANKED}")
    return (Table(headline(answer.built), columns, body, None, (note, *partly(answer), *missing(answer))),)
