"""What shows its tables where no command writes it: with `print`, at a prompt, by Rich, in a notebook."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from rich.console import Console, ConsoleOptions
    from rich.text import Text

MOST_LINES = 40
"""Lines that a prompt shows of an answer."""


class Printable:
    """An answer with tables, which `paramcalc.reports.views.VIEWS` names."""

    def __init_subclass__(cls) -> None:
        """Keep the representation: a dataclass would write its own in each class that does not have one."""
        super().__init_subclass__()
        setattr(cls, "__repr__", Printable.__repr__)  # noqa: B010 - an assignment is an error to mypy

    def __repr__(self) -> str:
        """What the command prints, cut to what a prompt has room for."""
        lines = str(self).splitlines()
        if len(lines) > MOST_LINES:
            lines[MOST_LINES - 1:] = [f"… {len(lines) - MOST_LINES + 1:,} more lines: print shows them all"]
        return "\n".join(lines)

    def __str__(self) -> str:
        """What the command prints."""
        return str(_views().text(self))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """What the command prints on a terminal, with its styles."""
        yield from _views().rich_lines(self, console, options)

    def _repr_html_(self) -> str:
        """Tables and pictures for a notebook."""
        return str(_views().html(self))


def _views() -> ModuleType:
    """How answers are shown. Only what is shown needs the tables, so this is no import: answers stand above reports."""
    return import_module("paramcalc.reports.views")
