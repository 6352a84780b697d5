"""Answers to text: lines for a terminal, JSON, markdown, CSV. Nothing here computes a figure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from paramcalc.reports.cells import cells, joined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from paramcalc.reports.table import Answer, Table

STYLES = {"title": "bold", "head": "dim", "total": "bold", "note": "dim italic", "bar": "cyan", "brief": "green",
          "share": "magenta", "good": "bold green", "doubt": "yellow", "bad": "bold red"}


def to_json(answers: Sequence[Answer], *, many: bool) -> str:
    """One object, or an array in the order given."""
    from pydantic_core import to_json

    objects = [answer.json for answer in answers]
    return to_json(objects if many else objects[0], indent=2).decode() + "\n"


def to_markdown(tables: Sequence[Table]) -> str:
    """GitHub tables, each under its title."""
    out: list[str] = []
    for table in (table.shown() for table in tables):
        rows = cells(table)
        keep = [i for i, c in enumerate(table.columns) if c.kind != "bar"]
        if table.title:
            out.append(f"**{_md(table.title)}**\n")
        out.append("| " + " | ".join(_md(table.columns[i].name) for i in keep) + " |")
        out.append("|" + "|".join("---:" if table.columns[i].right else "---" for i in keep) + "|")
        for number, row in enumerate(rows[: len(table.rows)]):
            indent = "&nbsp;" * 2 * (table.depths[number] if table.depths else 0)
            out.append("| " + indent + " | ".join(_md(joined(row[i])) for i in keep) + " |")
        if table.total is not None:
            bold = (_md(joined(rows[-1][i])) for i in keep)
            out.append("| " + " | ".join(f"**{text}**" if text else "" for text in bold) + " |")
        out += ["", *(f"_{_md(note)}_  " for note in table.notes), ""]
    return "\n".join(out).rstrip("\n") + "\n"


def _md(text: str) -> str:
    from paramcalc.sanitize import visible

    clean = visible(text, len(text) * 10 + 1)
    for mark in ("\\", "|", "<", ">", "`", "*", "_", "[", "]"):
        clean = clean.replace(mark, "\\" + mark)
    return clean


def to_csv(answers: Sequence[Answer], *, many: bool) -> str:
    """Raw values. One table for all models where they have the same columns, the first of which then names the model;
    an empty line between tables of other columns."""
    import csv
    import io

    blocks: dict[tuple[str, ...], list[list[Any]]] = {}
    for answer in answers:
        first = [answer.json["model"]["name"]] if many else []
        for table in answer.tables if answer.rows is None else (answer.rows,):
            keep = [i for i, c in enumerate(table.columns) if c.kind not in ("bar", "share")]
            block = blocks.setdefault(tuple(table.columns[i].name for i in keep), [])
            every = (*table.rows, *((table.total,) if table.total else ()))
            block += [[*first, *(row[i] for i in keep)] for row in every]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for number, (heads, rows) in enumerate(blocks.items()):
        if number:
            out.write("\n")
        writer.writerow(["model", *heads] if many else heads)
        writer.writerows([_raw(value) for value in row] for row in rows)
    return out.getvalue()


def _raw(value: Any) -> Any:  # noqa: ANN401 - raw cells
    if isinstance(value, tuple):
        return "x".join(str(int(v)) for v in value)
    if isinstance(value, str):
        from paramcalc.sanitize import visible

        value = visible(value, len(value) * 10 + 1)
        formula = value[:1] in ("=", "+", "-", "@") and not re.fullmatch(r"[+-][\d.,]+ ?%?", value)
        return f"'{value}" if formula else value
    return value


def to_text(tables: Sequence[Table], width: int, *, ascii_only: bool = False) -> str:
    """Plain lines, for a pipe or a file: no colour, no trailing blanks."""
    from paramcalc.reports.layout import lines

    found = lines(tables, width, ascii_only=ascii_only)
    return "".join("".join(text for text, _ in line).rstrip() + "\n" for line in found)


def show(tables: Sequence[Table], console: Console) -> None:
    """The same lines with their styles."""
    from rich.text import Text

    from paramcalc.reports.layout import lines

    ascii_only = not console.encoding.lower().startswith("utf")
    for line in lines(tables, console.width, ascii_only=ascii_only):
        pieces = ((spelled(text, console.encoding), STYLES.get(style, "")) for text, style in line)
        console.print(Text.assemble(*pieces), soft_wrap=True)


def spelled(text: str, encoding: str) -> str:
    """The text as an encoding can hold it: plain marks for ours, escapes for what is others'."""
    if encoding.lower().startswith("utf"):
        return text
    plain = text.translate({ord("·"): "|", ord("×"): "x", ord("…"): "...", ord("→"): "->"})
    return plain.encode(encoding, "backslashreplace").decode(encoding)
