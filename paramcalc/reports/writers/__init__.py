"""Formats: one registry, a file for each. To add one: a module here that has `reports` or `findings`, and a line in
`WRITERS`; the command line then offers it.

`reports(batch)` writes the answers of a command, `findings(checked)` those of `check`. Both give the whole text.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from paramcalc.checks.results import Run
    from paramcalc.reports.table import Report

Content = Literal["reports", "findings"]

WRITERS: dict[str, tuple[Content, ...]] = {
    "table": ("reports",),
    "text": ("findings",),
    "json": ("reports", "findings"),
    "jsonl": ("reports",),
    "markdown": ("reports", "findings"),
    "csv": ("reports",),
    "html": ("reports", "findings"),
    "github": ("findings",),
    "gitlab": ("findings",),
    "sarif": ("findings",),
    "junit": ("findings",),
}
"""Format, which is the name of its module, to what it can write."""

UNLIMITED = 100_000
"""Columns of a pipe."""
MARKS = {"error": "1;31", "warning": "33", "note": "36", "hint": "36"}
"""Parameters of the escape sequence that colours a word (ECMA-48, select graphic rendition)."""


class Screen(NamedTuple):
    """Where lines are shown."""

    width: int = UNLIMITED
    """Columns."""
    encoding: str = "utf-8"
    colored: bool = False

    def mark(self, word: str) -> str:
        """The word error, warning, note or hint, in its colour where there is any."""
        return f"\x1b[{MARKS[word]}m{word}\x1b[0m" if self.colored else word


class Findings(NamedTuple):
    """What `check` found."""

    run: Run
    screen: Screen = Screen()


class Batch(NamedTuple):
    """The answers of one command line."""

    reports: Sequence[Report]
    several: bool
    """Several MODELs were named: an array, a column with the model's name."""
    screen: Screen


def formats(content: Content) -> tuple[str, ...]:
    """Formats that can write answers, or findings."""
    return tuple(name for name, contents in WRITERS.items() if content in contents)


def report_writer(name: str) -> Callable[[Batch], str]:
    """The function that writes answers in a format. Raises KeyError where there is none."""
    return _function(name, "reports")


def finding_writer(name: str) -> Callable[[Findings], str]:
    """The function that writes findings in a format. Raises KeyError where there is none."""
    return _function(name, "findings")


def _function(name: str, content: Content) -> Callable[..., str]:
    if content not in WRITERS[name]:
        raise KeyError(name)
    function: Callable[..., str] = getattr(import_module(f"paramcalc.reports.writers.{name}"), content)
    return function
