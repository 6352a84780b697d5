"""`paramcalc convert`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.cli.options import Common, Models
from paramcalc.cli.run import answer_all
from paramcalc.errors import Problem, UsageError

if TYPE_CHECKING:
    from paramcalc.readers.models import Reading
    from paramcalc.reports.table import Report

EXAMPLES = (
    "paramcalc convert path/to/config.json",
    "paramcalc convert path/to/config.json --output spec.yaml",
    "paramcalc convert mixtral-8x7b --set num_layers=16",
)


def convert(models: Models, common: Common) -> int:
    """Convert a MODEL to a YAML spec that counts the same, tensor by tensor."""

    if common.style not in ("table", "json"):
        raise UsageError(Problem(f"--format {common.style} has no effect: a spec is YAML, or JSON with --json"))
    if len(models) > 1 and common.style == "table":
        raise UsageError(Problem("several MODELs are several documents, which no reader takes from one stream",
                                 hint="--json, or one MODEL at a time"))

    def make(reading: Reading) -> Report:
        from paramcalc.answers.convert import convert as converted
        from paramcalc.reports.spec_yaml import spec_yaml
        from paramcalc.reports.table import Report

        answer = converted(reading)
        return Report(answer.to_dict(), text=spec_yaml(answer.spec))

    return answer_all(models, common, make)
