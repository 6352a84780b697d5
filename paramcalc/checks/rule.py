"""The rules: each has a code, a name, a severity, a sentence and a reason; most have a function that looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from paramcalc.checks.checked_model import Subject
    from paramcalc.checks.results import Finding, Severity

Look = Callable[["Subject"], Iterator["Finding"]]


class Rule(NamedTuple):
    """What a code stands for."""

    code: str
    name: str
    severity: Severity
    summary: str
    """What is wrong."""
    why: str
    """Why it matters, and what to do."""
    look: Look | None = None
    """Finds it in a file that is valid; rules without one are told by readers and comparisons."""
