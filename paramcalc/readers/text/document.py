"""Read a YAML or JSON file from people we do not know: plain values, each with its line, or a refusal that says where.

Bounds on every document: 4 MiB, 32 levels, 100,000 values (aliases counted as often as they stand), strings of
10,000 characters, integers of 30 digits, finite numbers. Duplicate keys, tags and second documents are refused.
"""

from __future__ import annotations

from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from paramcalc.errors import INVALID, InputError, Problem
from paramcalc.readers.files import read_file
from paramcalc.readers.text.limits import Mark, decode, printable
from paramcalc.sanitize import quote, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


class Document(NamedTuple):
    """A mapping as somebody wrote it, which can say where each of its keys stands."""

    data: dict[str, Any]
    source: str
    marks: Callable[[], Mark] = Mark
    """Finds the places when they are first asked for."""
    beside: Mapping[str, dict[str, Any]] = MappingProxyType({})
    """Small files that came with it, by name, where it is not in a folder."""

    def place(self, path: tuple[str | int, ...]) -> tuple[int, int]:
        """Return the line and column of a key or list item, or of what would hold it; (0, 0) if unknown."""
        mark = self.marks()
        for part in path:
            if part not in mark.children:
                break
            mark = mark.children[part]
        return mark.line, mark.column

    def problem(self, path: tuple[str | int, ...], message: str, hint: str = "", code: str = INVALID) -> Problem:
        """Return a problem located at the path."""
        return self.located(Problem(message, path, hint, code=code))

    def located(self, problem: Problem) -> Problem:
        """Return the problem with this document's name, and the line and column of its path."""
        line, column = self.place(problem.path)
        return problem._replace(path=printable(problem.path), source=visible(self.source, 400), line=line,
                                column=column)


def read_yaml(text: str | bytes, source: str) -> Document:
    """Read a YAML mapping. Raises InputError."""
    from paramcalc.readers.text import yaml_text

    data, root = yaml_text.parse(decode(text, source), source)
    return Document(data, source, lambda: root)


def read_json(text: str | bytes, source: str) -> Document:
    """Read a JSON object. Raises InputError."""
    from paramcalc.readers.text import json_text

    text = decode(text, source)
    return Document(json_text.parse(text, source), source, cache(lambda: json_text.places(text, source)))


def load_document(path: Path) -> Document:
    """Read a file by its suffix, `.json`, `.yaml` or `.yml`. Raises InputError."""
    suffix = path.suffix.lower()
    read = {".json": read_json, ".yaml": read_yaml, ".yml": read_yaml}.get(suffix)
    raw = read_file(path)  # first, so that a directory is called one, not a file of the wrong type
    if read is None:
        message = f"unknown file type {quote(suffix)}" if suffix else "the file's name has no suffix"
        raise InputError(Problem(message, (), "use .yaml, .yml or .json", visible(str(path), 400)))
    return read(raw, str(path))
