"""paramcalc.lock: the figures of every file, recorded so that a review sees what a change does to them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paramcalc.checks.results import Finding
from paramcalc.errors import InputError, Problem
from paramcalc.readers.files import read_file

if TYPE_CHECKING:
    from paramcalc.checks.subject import Subject

NAME = "paramcalc.lock"
SCHEMA = "paramcalc/lock/1"
LOCK = "PC004"
Compare = Callable[["Subject"], Iterator[Finding]]


def lock(files: Sequence[Path], folder: Path, *, write: bool) -> list[Compare]:
    """A comparison with the lock of a folder, if it has one; with `write`, the lock is written as files are checked."""
    path = folder / NAME
    if write:
        return [_recorder(path, files)]
    return [_comparer(path, read_lock(path))] if path.is_file() else []


def read_lock(path: Path) -> dict[str, dict[str, int]]:
    """File to figures. Raises InputError for a lock nobody wrote so."""
    from paramcalc.readers.document import read_json

    data = read_json(read_file(path), str(path)).data
    found = data.get("files")
    if data.get("schema") != SCHEMA or not isinstance(found, dict) or not all(map(_figures, found.values())):
        raise InputError(Problem(f"is not a lock of {SCHEMA}", hint="write it anew: check --write-lock",
                                 source=str(path)))
    return found


def _figures(value: Any) -> bool:  # noqa: ANN401 - whatever JSON holds
    return isinstance(value, dict) and all(type(number) is int for number in value.values())


def _key(name: str, folder: Path) -> str:
    path = Path(name).resolve()
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.as_posix()


def _comparer(path: Path, recorded: dict[str, dict[str, int]]) -> Compare:
    def compare(subject: Subject) -> Iterator[Finding]:
        old = recorded.get(_key(subject.name, path.parent.resolve()))
        if old is None:
            yield Finding(subject.name, LOCK, f"is not recorded in {NAME}", hint="record it: check --write-lock")
            return
        for name, value in subject.figures.named().items():
            if name in old and old[name] != value:
                by = f"{100 * (value - old[name]) / old[name]:+.2f} %" if old[name] else f"{value:+,}"
                yield Finding(subject.name, LOCK, f"{name} was {old[name]:,}, is {value:,} ({by})", expected=old[name],
                              actual=value, hint="if it is meant, record it: check --write-lock")

    return compare


def _recorder(path: Path, files: Sequence[Path]) -> Compare:
    """Collects figures and writes the lock anew after each file, so that what is written is always whole."""
    found: dict[str, dict[str, int]] = {}
    kept = read_lock(path) if path.is_file() else {}
    checked = {_key(str(file), path.parent.resolve()) for file in files}
    kept = {name: figures for name, figures in kept.items() if name not in checked and (path.parent / name).exists()}

    def record(subject: Subject) -> Iterator[Finding]:
        found[_key(subject.name, path.parent.resolve())] = subject.figures.named()
        if len(found) == len(checked):
            write_lock(path, kept | found)
        yield from ()

    return record


def write_lock(path: Path, files: dict[str, dict[str, int]]) -> None:
    """Sorted, a line a figure, so that a diff shows what changed."""
    text = json.dumps({"schema": SCHEMA, "files": files}, indent=1, sort_keys=True) + "\n"
    path.write_text(text, encoding="utf-8")
