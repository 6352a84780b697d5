"""Figures that may only grow so much against an earlier revision of the same file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from paramcalc.build import build
from paramcalc.checks.metrics import Figures
from paramcalc.checks.results import Finding
from paramcalc.errors import InputError, PCError
from paramcalc.readers.git import checked, require
from paramcalc.readers.models import load

if TYPE_CHECKING:
    from paramcalc.checks.checked_model import Subject

GROWTH = "PC005"


def growth(revision: str) -> Callable[[Subject], Iterator[Finding]]:
    """A comparison of each file that has `expect.growth` with its content at a revision; a new file has none.

    Raises UsageError for what is no revision; the comparison raises InputError for one the repository does not have.
    """
    checked(revision)

    def compare(subject: Subject) -> Iterator[Finding]:
        allowed = subject.spec.expect.growth if subject.spec.expect else {}
        if not allowed:
            return
        try:
            old = Figures(build(load(f"git:{revision}:{subject.name}").spec)).named()
        except InputError:
            require(revision, Path(subject.name).parent)
            return
        except PCError as error:
            yield Finding(subject.name, GROWTH, f"at {revision} it cannot be read: {error}")
            return
        new = subject.figures.named()
        for name, percent in allowed.items():
            if (new[name] - old[name]) * 100 > percent * old[name]:
                line, column = subject.loaded.document.place(("expect", "growth", name))
                by = _percent(old[name], new[name])
                message = (f"{name} grew from {old[name]:,} at {revision} to {new[name]:,} ({by}); {percent:g} % are "
                           "allowed")
                yield Finding(subject.name, GROWTH, message, line=line, column=column, expected=old[name],
                              actual=new[name], hint="decide on it: raise the budget, or undo the change")

    return compare


def _percent(old: int, new: int) -> str:
    return f"{100 * (new - old) / old:+.2f} %" if old else "from nothing"
