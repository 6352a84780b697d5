"""One self-contained HTML file: its style inside, no script that runs, nothing loaded from elsewhere."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from paramcalc.reports.html.tables import text

if TYPE_CHECKING:
    from collections.abc import Sequence

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""Content security policy of the file: whatever stands in it, nothing runs and nothing is fetched."""


def style() -> str:
    """The style sheet of everything we write as HTML."""
    return files("paramcalc.reports.html").joinpath("style.css").read_text("utf-8")


def document(title: str, sections: Sequence[str], data: str) -> str:
    """The file; `data` is JSON text, kept inside for programs to read."""
    safe = data.replace("<", "\\u003c")
    return (f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n<title>{text(title)}</title>\n'
            f"<style>\n{style()}</style>\n</head>\n<body>\n<main>\n<h1>{text(title)}</h1>\n"
            + "\n".join(sections)
            + f'\n</main>\n<script type="application/json" id="figures">{safe}</script>\n</body>\n</html>\n')
