"""What stands in place of the answer for a MODEL that cannot be answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from paramcalc.errors import PCError


class ProblemRow(NamedTuple):
    """One thing that is wrong, and where; 0 and empty where no place is known."""

    message: str
    path: str
    """Dotted keys."""
    line: int
    column: int
    source: str
    hint: str


class Problems(NamedTuple):
    """Everything that is wrong."""

    problems: tuple[ProblemRow, ...]


class FailedModel(NamedTuple):
    """The model as it was named."""

    name: str


class Failure(NamedTuple):
    """A model and what is wrong with it."""

    model: FailedModel
    error: Problems


def failure(model: str, error: PCError) -> Failure:
    """The record of an error about a model."""
    return Failure(FailedModel(model), Problems(tuple(
        ProblemRow(p.message, p.dotted(), p.line, p.column, p.source, p.hint) for p in error.problems)))
