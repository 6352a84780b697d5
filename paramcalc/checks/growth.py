"""Figures that may only grow so much against an earlier revision of the same file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.build import build
from paramcalc.checks.metrics import Figures
from paramcalc.checks.recognise import YAML
from paramcalc.checks.results import Finding
from paramcalc.errors import InputError, PCError
from paramcalc.numbers import change
from paramcalc.readers.files import read_file
from paramcalc.readers.git import blobs, checked, require
from paramcalc.readers.models import load
from paramcalc.sanitize import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from paramcalc.checks.checked_model import Subject
    from paramcalc.checks.finder import Search
    from paramcalc.spec.model import ModelSpec

GROWTH = "PC005"
RAISE = "raise the budget, or undo the change"


class Growth(NamedTuple):
    """What is done with each file, and once all are checked."""

    each: Callable[[Subject], Iterator[Finding]]
    last: Callable[[], Iterator[Finding]]


def growth(revision: str, search: Search, *, overridden: bool = False) -> Growth:
    """A comparison of each file that has, or had, `expect.growth` with its content at a revision.

    A file that is new has no earlier figures. It is an error if the earlier content cannot be read, if a budget it had
    is gone, if a file with a budget says nothing of a model now, or if one is gone while others are new: it may have
    been renamed. `overridden`: fields are set that the files do not say. Raises UsageError for what is no revision,
    InputError for one the repository does not have.
    """
    earlier: dict[str, str] = {}
    for folder in _outermost({*search.folders, *(path.parent for path in search.checked)}):
        require(checked(revision), folder)
        earlier |= {os.path.abspath(path): blob for path, blob in blobs(revision, folder).items()}
    new = [str(path) for path in search.checked if os.path.abspath(path) not in earlier]

    def last() -> Iterator[Finding]:
        for path in search.silent:
            if path.lower().endswith(YAML) and _has_changed(path, earlier.get(os.path.abspath(path))):
                yield from _emptied(path, revision)
        removed = [path for path in earlier if path.lower().endswith(YAML) and not os.path.lexists(path)]
        for path in removed if new else ():
            yield from _removed(os.path.relpath(path), revision, new)

    return Growth(partial(_since, earlier, revision, overridden), last)


def _since(earlier: Mapping[str, str], revision: str, overridden: bool, subject: Subject) -> Iterator[Finding]:
    """What of a file that has changed since the revision, or whose fields are set, grew too much."""
    blob = earlier.get(os.path.abspath(subject.name))
    if blob is not None and (overridden or _has_changed(subject.name, blob)):
        yield from _compared(subject, revision)


def _outermost(folders: Iterable[Path]) -> list[Path]:
    """Folders that are below no other of the same repository."""
    outer: list[Path] = []
    for folder in sorted(folders, key=lambda path: path.resolve()):
        if not any(_in_one_repository(folder.resolve(), above.resolve()) for above in outer):
            outer.append(folder)
    return outer


def _in_one_repository(folder: Path, above: Path) -> bool:
    """Whether a folder is another or below it, and no repository begins between them."""
    between = [each for each in (folder, *folder.parents) if each != above and each.is_relative_to(above)]
    return folder.is_relative_to(above) and not any(os.path.lexists(each / ".git") for each in between)


def _has_changed(path: str, blob: str | None) -> bool:
    """Whether a file that a revision has is another now."""
    return blob is not None and blob != _blob(Path(path), len(blob))


def _blob(path: Path, digits: int) -> str:
    """The name git gives the content of a file."""
    raw = read_file(path)
    sha = hashlib.sha1 if digits == 40 else hashlib.sha256
    return sha(b"blob %d\0" % len(raw) + raw, usedforsecurity=False).hexdigest()


def _budget(spec: ModelSpec) -> dict[str, float]:
    return {str(name): percent for name, percent in spec.expect.growth.items()} if spec.expect else {}


def _compared(subject: Subject, revision: str) -> Iterator[Finding]:
    budget = _budget(subject.spec)
    try:
        spec = load(f"git:{revision}:{subject.name}").spec
        earlier = _budget(spec)
        old = Figures(build(spec)).named() if budget else {}
    except PCError as error:
        if budget or not subject.is_config:  # a config.json has no budget, and had none
            yield Finding(subject.name, GROWTH, f"cannot be compared: at {revision} it cannot be read: "
                          f"{visible(str(error.problems[0]), 400)}")
        return
    for name in earlier.keys() - budget.keys():
        yield Finding(subject.name, GROWTH, f"the growth budget of {name}, {earlier[name]:g}% at {revision}, is gone",
                      hint="restore it; raise a budget instead of removing it")
    new = subject.figures.named()
    for name, percent in budget.items():
        if (new[name] - old[name]) * 100 > percent * old[name]:
            line, column = subject.reading.document.place(("expect", "growth", name))
            message = (f"{name} grew from {old[name]:,} at {revision} to {new[name]:,} "
                       f"({change(old[name], new[name])}); {percent:g}% are allowed")
            yield Finding(subject.name, GROWTH, message, line=line, column=column, expected=old[name],
                          actual=new[name], hint=RAISE)


def _had_budget(path: str, revision: str) -> tuple[bool, str]:
    """Whether a file may have had a budget, and why that cannot be read."""
    try:
        return bool(_budget(load(f"git:{revision}:{path}").spec)), ""
    except InputError:  # it was no specification
        return False, ""
    except PCError as error:
        return True, f" ({visible(str(error.problems[0]), 200)})"


def _emptied(path: str, revision: str) -> Iterator[Finding]:
    had_budget, why = _had_budget(path, revision)
    if had_budget:
        yield Finding(path, GROWTH, f"had a growth budget at {revision}{why} and says nothing of a model now",
                      hint="put it back, or remove the file")


def _removed(path: str, revision: str, new: list[str]) -> Iterator[Finding]:
    had_budget, why = _had_budget(path, revision)
    path += why
    if had_budget:
        others = ", ".join(new[:3]) + (" …" if len(new) > 3 else "")
        yield Finding(new[0], GROWTH, f"{path} had a growth budget at {revision} and is gone, while {others} "
                      f"{'is' if len(new) == 1 else 'are'} new: if it was renamed, it is not compared",
                      hint="rename it in a change of its own, with --ignore PC005, and change its sizes in another")
