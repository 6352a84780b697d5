"""paramcalc.lock: the figures of every file, recorded so that a review sees what a change does to them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from paramcalc.atomic import write_atomic
from paramcalc.checks.results import Finding
from paramcalc.errors import InputError, Problem
from paramcalc.numbers import change
from paramcalc.readers.files import folders_up, read_file
from paramcalc.sanitize import visible

if TYPE_CHECKING:
    from paramcalc.checks.checked_model import Subject
    from paramcalc.checks.finder import Search

NAME = "paramcalc.lock"
SCHEMA = "paramcalc/lock/1"
LOCK = "PC004"
RECORD = "if the change is intended, record it: check --write-lock"


class Lock(NamedTuple):
    """What is done with each file, and once all are checked."""

    each: Callable[[Subject], Iterator[Finding]]
    last: Callable[[], Iterator[Finding]]


def find_lock(start: Path) -> Path | None:
    """The lock of the nearest folder at or above that has one."""
    return next((path for folder in folders_up(start) if os.path.lexists(path := folder / NAME)), None)


def comparison(search: Search, *, required: bool) -> Lock | None:
    """A comparison of each file with the lock nearest above it; None where there is none and none is required.

    Raises InputError for a lock nobody wrote so.
    """
    places = {path: find_lock(path.parent.resolve()) for path in search.checked}
    passed_over = _recorded_silent(search.silent)
    records = {lock: read_lock(lock) for lock in dict.fromkeys(places.values()) if lock is not None}

    def last() -> Iterator[Finding]:
        for lock, recorded in records.items():
            for name in recorded:
                if not os.path.isfile(lock.parent / name):
                    message = f"{visible(name, 400)} is recorded, but does not exist"
                    yield Finding(_display_path(lock), LOCK, message, hint=RECORD)
        for name, lock in passed_over.items():
            message = f"is recorded in {_display_path(lock)}, but says nothing of a model"
            yield Finding(name, LOCK, message, hint="put it back, or remove the file")

    needed = records or required or passed_over
    return Lock(partial(_recorded, places, records, required), last) if needed else None


def _recorded_silent(names: Sequence[str]) -> dict[str, Path]:
    """Files that say nothing of a model, though the lock nearest above them has figures of them: each with the lock."""
    nearest = {folder: find_lock(Path(folder).resolve()) for folder in {os.path.dirname(name) for name in names}}
    records = {lock: _readable(lock) for lock in set(nearest.values()) if lock is not None}
    places = {name: lock for name in names if (lock := nearest[os.path.dirname(name)]) is not None}
    return {name: lock for name, lock in places.items() if records[lock] and _key(name, lock.parent) in records[lock]}


def _recorded(places: Mapping[Path, Path | None], records: Mapping[Path, dict[str, dict[str, int]]], required: bool,
              subject: Subject) -> Iterator[Finding]:
    """What differs from what is recorded of a file."""
    lock = places.get(Path(subject.name))
    if lock is not None:
        yield from _differences(subject, records[lock].get(_key(subject.name, lock.parent)), lock)
    elif required:
        yield Finding(subject.name, LOCK, f"has no {NAME} in its folder or above", hint=RECORD)


def _differences(subject: Subject, old: dict[str, int] | None, lock: Path) -> Iterator[Finding]:
    if old is None:
        yield Finding(subject.name, LOCK, f"is not recorded in {_display_path(lock)}", hint=RECORD)
        return
    for name, value in subject.figures.named().items():
        if old.get(name) != value:
            yield _changed(subject.name, name, old.get(name), value)


def record(files: Iterable[Path]) -> Lock:
    """Write the figures of each valid file to the lock nearest above it, or to a new one.

    A file that is invalid, or was not asked about, keeps what was recorded of it; a lock that is no lock of ours is
    written anew. A new lock stands in the working folder, or in the folder of a file that is not below it. Raises
    InputError for a lock that is no file.
    """
    here = Path.cwd().resolve()
    folders = {path: path.parent.resolve() for path in files}
    places = {path: find_lock(folder) or (here if folder.is_relative_to(here) else folder) / NAME
              for path, folder in folders.items()}
    figures: dict[Path, dict[str, dict[str, int]]] = {lock: {} for lock in places.values()}
    for lock in figures:
        if os.path.exists(lock) and not os.path.isfile(lock):
            read_lock(lock)  # raises: what is written to a pipe or a device is not kept

    def each(subject: Subject) -> Iterator[Finding]:
        lock = places[Path(subject.name)]
        figures[lock][_key(subject.name, lock.parent)] = subject.figures.named()
        yield from ()

    def last() -> Iterator[Finding]:
        for lock, new in figures.items():
            old = {name: of for name, of in _readable(lock).items() if os.path.isfile(lock.parent / name)}
            write_lock(lock, old | new)
        yield from ()

    return Lock(each, last)


def read_lock(path: Path) -> dict[str, dict[str, int]]:
    """File to figures. Raises InputError for a lock nobody wrote so."""
    from paramcalc.readers.text.document import read_json

    hint = "if it has a merge conflict, rewrite it: check --write-lock"
    raw = read_file(path)
    try:
        data = read_json(raw, _display_path(path)).data
    except InputError as error:
        raise InputError(*(problem._replace(hint=hint) for problem in error.problems)) from None
    files = data.get("files")
    if data.get("schema") != SCHEMA or not isinstance(files, dict) or not all(map(_figures, files.values())):
        raise InputError(Problem(f"is not a lock of {SCHEMA}", hint=hint, source=_display_path(path)))
    return files


def _readable(path: Path) -> dict[str, dict[str, int]]:
    try:
        return read_lock(path) if path.is_file() else {}
    except InputError:
        return {}


def _figures(value: Any) -> bool:  # noqa: ANN401 - whatever JSON holds
    return isinstance(value, dict) and all(type(number) is int for number in value.values())


def _key(name: str, folder: Path) -> str:
    path = Path(name).resolve()
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.as_posix()


def _display_path(path: Path) -> str:
    """A path as people write it: relative to the working folder where it is below it."""
    here = Path.cwd().resolve()
    return str(path.relative_to(here)) if path.is_relative_to(here) else os.path.relpath(path, here)


def _changed(path: str, name: str, old: int | None, new: int) -> Finding:
    if old is None:
        return Finding(path, LOCK, f"{name} is not recorded, is {new:,}", actual=new, hint=RECORD)
    text = f"{name} was {old:,}, is {new:,} ({change(old, new)})"
    return Finding(path, LOCK, text, expected=old, actual=new, hint=RECORD)


def write_lock(path: Path, files: dict[str, dict[str, int]]) -> None:
    """Sorted, a line a figure, so that a diff shows what changed."""
    text = json.dumps({"schema": SCHEMA, "files": files}, indent=1, sort_keys=True) + "\n"
    write_atomic(path, text)
