"""What `fit --quant all` shows: a row for each format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.estimates.fit import MOST_BATCH, MOST_TOKENS
from paramcalc.reports.certainty import marks, missing, partly
from paramcalc.reports.count import headline
from paramcalc.reports.fit import fits_cell, limit
from paramcalc.reports.table import Column, Table

if TYPE_CHECKING:
    from paramcalc.answers.fit_formats import FitFormats


def tables(answer: FitFormats) -> tuple[Table, ...]:
    """Formats that fit, the widest first, then those that do not."""
    plain = csv_rows(answer)
    rows = tuple((*row, limit(context, MOST_TOKENS), limit(batch, MOST_BATCH), *levels)
                 for *row, context, batch, levels in ((*row[:-2], row[-2:]) for row in plain.rows))
    each = f"needed and headroom: per device, of {answer.devices}"
    notes = ("bits a weight: over the whole model, with scales and tensors in wider formats",
             *((each,) if answer.devices > 1 else ()), *missing(answer), *partly(answer))
    return (plain._replace(title=headline(answer.built), rows=rows, notes=notes),)


def csv_rows(answer: FitFormats) -> Table:
    """The verdict on each format as a table whose limits are numbers, for CSV."""
    columns = (Column("format"), Column("by"), Column("bits a weight", "number"), Column("weights", "gib"),
               Column("fits"), Column("needed", "gib"), Column("headroom", "gib"),
               Column("largest context", "exact"), Column("batch", "exact"),
               *marks(answer.known["fits"]))
    level, apart = answer.known["fits"], "; ".join(answer.uncounted)
    rows = tuple((row.quant, row.runtime, f"{row.bits_per_weight:.2f}", row.weights,
                  fits_cell(row.headroom, fits=row.fits), row.total, row.headroom // answer.devices, row.max_context,
                  row.max_batch, level, apart) for row in answer.formats)
    return Table("", columns, rows)
