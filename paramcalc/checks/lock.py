"""paramcalc.lock: the figures of every file, recorded so that a review sees what a change does to them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from paramcalc.atomic import write_atomic
from paramcalc.checks.results import Finding
from paramcalc.errors import InputError, Problem
from paramcalc.readers.files import read_file

if TYPE_CHECKING:
    from paramcalc.checks.checked_model import Subject

NAME = "paramcalc.lock"
SCHEMA = "paramcalc/lock/1"
LOCK = "PC004"
RECORD = "if it is meant, record it: check --write-lock"


class Lock(NamedTuple):
    """What is done with each file, and once all are checked."""

    each: Callable[[Subject], Iterator[Finding]]
    last: Callable[[], Iterator[Finding]]


def find_lock(start: Path) -> Path:
    """The lock of the nearest folder at or above that has one; where none has, the one this folder could have."""
    return next((path for folder in (start, *start.parents) if (path := folder / NAME).is_file()), start / NAME)


def lock(path: Path, *, write: bool) -> Lock | None:
    """A comparison with a lock, or with `write` a record of the figures; None where there is nothing to compare with.

    Raises InputError for a lock nobody wrote so.
    """
    recorded = read_lock(path) if path.is_file() else None
    if write:
        return _recorder(path, recorded or {})
    return None if recorded is None else _comparer(path, recorded)


def read_lock(path: Path) -> dict[str, dict[str, int]]:
    """File to figures. Raises InputError for a lock nobody wrote so."""
    from paramcalc.readers.text.document import read_json

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


def _comparer(path: Path, recorded: dict[str, dict[str, int]]) -> Lock:
    folder = path.parent.resolve()

    def each(subject: Subject) -> Iterator[Finding]:
        old = recorded.get(_key(subject.name, folder))
        if old is None:
            yield Finding(subject.name, LOCK, f"is not recorded in {NAME}", hint=RECORD)
            return
        for name, value in subject.figures.named().items():
            if old.get(name) != value:
                yield _changed(subject.name, name, old.get(name), value)

    def last() -> Iterator[Finding]:
        for name in recorded:
            if not (folder / name).is_file():
                yield Finding(str(path), LOCK, f"{name} is recorded, but is not there", hint=RECORD)

    return Lock(each, last)


def _changed(path: str, name: str, old: int | None, new: int) -> Finding:
    if old is None:
        return Finding(path, LOCK, f"{name} is not recorded, is {new:,}", actual=new, hint=RECORD)
    by = f"{100 * (new - old) / old:+.2f} %" if old else f"{new - old:+,}"
    return Finding(path, LOCK, f"{name} was {old:,}, is {new:,} ({by})", expected=old, actual=new, hint=RECORD)


def _recorder(path: Path, recorded: dict[str, dict[str, int]]) -> Lock:
    """Figures of the valid files; one that is invalid, or was not asked about, keeps what was recorded of it."""
    folder = path.parent.resolve()
    found: dict[str, dict[str, int]] = {}

    def each(subject: Subject) -> Iterator[Finding]:
        found[_key(subject.name, folder)] = subject.figures.named()
        yield from ()

    def last() -> Iterator[Finding]:
        write_lock(path, {name: old for name, old in recorded.items() if (folder / name).is_file()} | found)
        yield from ()

    return Lock(each, last)


def write_lock(path: Path, files: dict[str, dict[str, int]]) -> None:
    """Sorted, a line a figure, so that a diff shows what changed."""
    text = json.dumps({"schema": SCHEMA, "files": files}, indent=1, sort_keys=True) + "\n"
    write_atomic(path, text)
