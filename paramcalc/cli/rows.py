"""What `compare` and `sweep` share: options for rows, and how rows are written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from paramcalc.cli import completion
from paramcalc.cli.options import Common
from paramcalc.cli.run import emit, warn
from paramcalc.errors import Problem, UsageError
from paramcalc.numbers import many

if TYPE_CHECKING:
    from paramcalc.answers.comparison import Comparison

ALONG, UP = "total", "cache_bytes_per_token"
"""Columns that are drawn where none is named."""
Sort = Annotated[str, typer.Option("--sort", metavar="COLUMN", help="Column to sort by; -COLUMN for descending order.",
                                   autocompletion=completion.columns)]
Columns = Annotated[str, typer.Option("--columns", metavar="NAME,…", help="Columns to show: name,total,active.",
                                      autocompletion=completion.columns)]
PlotRows = Annotated[Path | None, typer.Option(
    "--plot", metavar="FILE", help="Plot one column against another in an .svg or .png file (needs the plot extra).")]
Across = Annotated[str, typer.Option(
    "--x", metavar="COLUMN", help=f"Column on the x-axis of the plot; {ALONG} when not given.")]
Up = Annotated[str, typer.Option(
    "--y", metavar="COLUMN", help=f"Column on the y-axis of the plot; {UP} when not given.")]


class Look:
    """How rows are sorted, cut and drawn."""

    def __init__(self, sort: str, columns: str, plot: Path | None, x: str, y: str) -> None:
        """Raises UsageError for a name that is no column, or an axis without a picture."""
        from paramcalc.answers.comparison import check_columns

        self.sort, self.plot = sort, plot
        self.x, self.y = x or ALONG, y or UP
        self.columns = [name.strip() for name in columns.split(",") if name.strip()]
        check_columns([*self.columns, *([sort.removeprefix("-")] if sort else []), self.x, self.y])
        if plot is None and (x or y):
            raise UsageError(Problem(f"--{'x' if x else 'y'} has no effect without --plot", hint="--plot rows.svg"))


def write_rows(answer: Comparison, common: Common, look: Look) -> int:
    """Write the rows; the exit code is 2 where one of them failed."""
    from paramcalc.reports.comparison import tables
    from paramcalc.reports.table import Report

    if look.sort:
        answer = answer.sorted(look.sort)
    if look.plot is not None:
        from paramcalc.reports.comparison_plot import draw

        draw(look.plot, answer, look.x, look.y)
    json = answer.to_dict()
    if look.columns:
        json["rows"] = [{name: value for name, value in row.items() if name in (*look.columns, "error")}
                        for row in json["rows"]]
    views = tables(answer, look.columns, every=common.style == "csv")
    emit([Report(json, views)], common, many=False)
    failed = [row for row in answer.rows if row.error]
    if failed and not common.quiet:
        first = failed[0]
        warn(f"{len(failed):,} of {many(len(answer.rows), 'row')} failed; the first: {first.name}: {first.error}",
             common.color)
    return 2 if failed else 0
