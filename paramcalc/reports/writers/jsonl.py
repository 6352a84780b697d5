"""One JSON object a line: the same shape for one MODEL as for many."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic_core import to_json

if TYPE_CHECKING:
    from paramcalc.reports.writers import Batch


def reports(batch: Batch) -> str:
    """A line for each answer, in the order of the MODELs; one that failed is an object with `error`."""
    return "".join(to_json(report.json).decode() + "\n" for report in batch.reports)
