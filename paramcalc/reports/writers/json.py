"""The objects other programs rely on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pydantic_core import to_json

if TYPE_CHECKING:
    from paramcalc.reports.writers import Batch, Findings


def reports(batch: Batch) -> str:
    """One object, or an array in the order of the MODELs."""
    objects = [report.json for report in batch.reports]
    return to_json(objects if batch.several else objects[0], indent=2).decode() + "\n"


def findings(checked: Findings) -> str:
    """Findings as the JSON object of `check`."""
    run = checked.run
    from paramcalc.answers.check import check_answer

    return json.dumps(check_answer(run).to_dict(), indent=2, ensure_ascii=False) + "\n"
