"""An answer where no command writes it: printed, shown by Rich, or in a notebook, with the tables its command shows."""

from __future__ import annotations

from importlib import import_module
from shutil import get_terminal_size
from typing import TYPE_CHECKING

from paramcalc.reports.html.tables import tables_html
from paramcalc.reports.html.tables import text as escaped
from paramcalc.reports.render import styled, to_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, ConsoleOptions
    from rich.text import Text

    from paramcalc.printable import Printable
    from paramcalc.reports.table import Table

VIEWS = {
    "Comparison": "comparison.tables", "Count": "count.tables", "Diff": "diff.tables", "Estimate": "estimate.tables",
    "Explain": "explain.tables", "ExplainRule": "explain.rule_tables", "Fit": "fit.tables",
    "FitAll": "fit.catalog_tables", "FitFormats": "fit_formats.tables", "Flops": "flops.tables",
    "Listing": "listing.tables", "Memory": "memory.tables", "PlacedFit": "placement.tables",
    "PlacedMemory": "placement.tables", "Run": "findings.tables", "Scaling": "scaling.tables", "Solve": "solve.tables",
    "SpeedAnswer": "speed.tables", "Sweep": "comparison.tables", "Train": "train.tables",
    "TrainSearch": "train_search.tables",
}
"""Class of an answer to the function that gives its tables; an answer that is none of these has no tables."""
STYLE = (".paramcalc caption { text-align: left; font-weight: 600 } .paramcalc .number { text-align: right }"
         " .paramcalc th { text-align: left } .paramcalc figcaption { font-size: 0.85em }"
         " .paramcalc .bar rect { fill: currentColor } .paramcalc figcaption svg { max-width: 640px }")
"""A notebook brings its own colours and fonts."""


def tables_of(answer: Printable) -> tuple[Table, ...]:
    """The tables of an answer, none where its class has no view."""
    place = VIEWS.get(type(answer).__name__)
    if place is None:
        return ()
    module, _, function = place.partition(".")
    tables: tuple[Table, ...] = getattr(import_module(f"paramcalc.reports.{module}"), function)(answer)
    return tables


def text(answer: Printable) -> str:
    """What the command prints, in the width of the terminal; JSON where there is no table."""
    if tables := tables_of(answer):
        return to_text(tables, get_terminal_size().columns).rstrip("\n")
    from paramcalc.answers.answer import Document

    return answer.to_json() if isinstance(answer, Document) else object.__repr__(answer)


def html(answer: Printable) -> str:
    """Tables for a notebook, and the map of components for a count by tensor."""
    tables = tables_of(answer)
    body = _picture(answer) + tables_html(tables) if tables else f"<pre>{escaped(text(answer))}</pre>"
    return f'<div class="paramcalc"><style>{STYLE}</style>{body}</div>'


def rich_lines(answer: Printable, console: Console, options: ConsoleOptions) -> Iterator[Text]:
    """Styled lines, in the width Rich gives."""
    return styled(tables_of(answer), options.max_width, console.encoding)


def _picture(answer: Printable) -> str:
    from paramcalc.answers.count import Count

    if not isinstance(answer, Count) or not answer.tensors:
        return ""
    from paramcalc.reports.pictures.components import component_map
    from paramcalc.reports.pictures.svg import figure

    return figure(component_map(answer.to_dict()))
