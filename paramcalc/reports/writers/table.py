"""Lines for people, on a terminal or in a pipe; of an answer that is a document of its own, the document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.reports.render import show, to_text

if TYPE_CHECKING:
    from rich.console import Console

    from paramcalc.reports.writers import Batch, Screen


def reports(batch: Batch) -> str:
    """The tables one below the other, in colour where the screen has some."""
    documents = [report.text for report in batch.reports if report.text is not None]
    if documents:
        return "---\n".join(documents)
    tables = [table for report in batch.reports for table in report.tables]
    screen = batch.screen
    if not screen.colored:
        return to_text(tables, screen.width, ascii_only=not screen.encoding.lower().replace("-", "").startswith("utf"))
    console = _console(screen)
    with console.capture() as captured:
        show(tables, console)
    return captured.get()


def _console(screen: Screen) -> Console:
    """A console that prints what it is given: no markup, no guesses."""
    from rich.console import Console

    return Console(width=screen.width, force_terminal=True, no_color=False, markup=False, highlight=False, emoji=False,
                   legacy_windows=False)
