"""Tables as lines of a terminal or a pipe. Nothing here computes a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console
    from rich.text import Text

    from paramcalc.reports.table import Table

STYLES = {"title": "bold", "head": "dim", "total": "bold", "note": "dim italic", "bar": "cyan", "brief": "green",
          "share": "magenta", "good": "bold green", "doubt": "yellow", "bad": "bold red"}


def to_text(tables: Sequence[Table], width: int, *, ascii_only: bool = False) -> str:
    """Plain lines, for a pipe or a file: no colour, no trailing blanks."""
    from paramcalc.reports.layout import lines

    every = lines(tables, width, ascii_only=ascii_only)
    return "".join("".join(text for text, _ in line).rstrip() + "\n" for line in every)


def show(tables: Sequence[Table], console: Console) -> None:
    """The lines of a table with their styles."""
    for line in styled(tables, console.width, console.encoding):
        console.print(line, soft_wrap=True)


def styled(tables: Sequence[Table], width: int, encoding: str) -> Iterator[Text]:
    """Each line with its styles, in an encoding's characters."""
    from rich.text import Text

    from paramcalc.reports.layout import lines

    for line in lines(tables, width, ascii_only=not encoding.lower().startswith("utf")):
        yield Text.assemble(*((spelled(text, encoding), STYLES.get(style, "")) for text, style in line))


def spelled(text: str, encoding: str) -> str:
    """The text as an encoding can hold it: plain marks for ours, escapes for what is others'."""
    if encoding.lower().startswith("utf"):
        return text
    plain = text.translate({ord("·"): "|", ord("×"): "x", ord("…"): "...", ord("→"): "->"})
    return plain.encode(encoding, "backslashreplace").decode(encoding)
