"""`paramcalc solve`."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from paramcalc.cli import completion
from paramcalc.cli.options import Common, Jobs
from paramcalc.cli.progress import progress
from paramcalc.cli.run import answer_all
from paramcalc.errors import Problem, UsageError
from paramcalc.estimates.design.solve_settings import SolveSettings

if TYPE_CHECKING:
    from pathlib import Path

    from paramcalc.answers.solve import Solve
    from paramcalc.readers.models import Reading
    from paramcalc.reports.table import Report

EXAMPLES = (
    "paramcalc solve --params 1.5B --like qwen3-8b",
    "paramcalc solve --params 3B --like llama-3.1-8b --max-cache-per-token 64KiB",
    "paramcalc solve --compute 1e21 --like qwen3-0.6b --top 3 -o specs",
)


def solve(
    common: Common, settings: SolveSettings,
    like: Annotated[str, typer.Option("--like", metavar="MODEL", help="Model whose shape to follow.",
                                      autocompletion=completion.models)] = "llama-3.1-8b",
    jobs: Jobs = 1,
) -> int:
    """Find architectures of a given size in the shape of a model; -o DIR writes each as a spec."""
    settings.check()
    folder = common.output if common.output is not None and _is_folder(common.output) else None
    common = common if folder is None else replace(common, output=None)

    def make(reading: Reading) -> Report:
        from paramcalc.answers.solve import solve as solved
        from paramcalc.reports.solve import tables
        from paramcalc.reports.table import Report

        with progress("hidden sizes", quiet=common.quiet) as tick:
            answer = solved(reading, settings, common.set, jobs=jobs, progress=tick)
        if folder is not None:
            _write(folder, like, answer, common.set)
        return Report(answer.to_dict(), tables(answer))

    return answer_all([like], common, make)


def _is_folder(output: Path) -> bool:
    """Whether specs are to go there: it is a folder, or has no suffix as files have. Raises UsageError for a file."""
    if os.path.isfile(output) and not output.suffix:
        raise UsageError(Problem(f"{str(output)[:200]!r} is a file, not a folder for specs",
                                 hint="-o DIR, or -o FILE.json for the answer"))
    return os.path.isdir(output) or not (output.suffix or str(output) == "-")


def _write(folder: Path, like: str, answer: Solve, changes: list[str]) -> None:
    """A spec a candidate, named by its rank."""
    from paramcalc.api import convert, read
    from paramcalc.atomic import file_stem, make_folder, write_atomic

    make_folder(folder)
    for rank, each in enumerate(answer.candidates, start=1):
        spec = read(like, [*changes, *each.changes])
        named = spec.model_copy(update={"name": f"{spec.name}-{rank}", "source": "", "expect": None})
        write_atomic(folder / f"{file_stem(spec.name)}-{rank}.yaml", convert(named))
