"""Errors with the line and column of each problem in its document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.errors import UsageError

if TYPE_CHECKING:
    from paramcalc.errors import PCError
    from paramcalc.readers.text.document import Document


def located(error: PCError, document: Document) -> PCError:
    """The same refusal with each problem's line and column in its document."""
    from paramcalc.readers.text.validation import ordered

    if isinstance(error, UsageError) and not any(p.path for p in error.problems):
        return error.within(document.source)
    return type(error)(*ordered(p if p.source else document.located(p) for p in error.problems))
