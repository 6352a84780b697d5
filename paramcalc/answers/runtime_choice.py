"""Which runtime answers where none is named: one rule for `fit`, its catalog and the rows of `compare` and `sweep`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from paramcalc.estimates.runtimes import BOUND
from paramcalc.estimates.serving import SERVERS

if TYPE_CHECKING:
    from collections.abc import Iterable


class Verdict(Protocol):
    """What is known of a model in one runtime that can serve it."""

    @property
    def fits(self) -> bool | None:
        """Whether it has room; never true of the lower bound, None where only a lower bound has."""


V = TypeVar("V", bound=Verdict)


def runtimes(name: str | None) -> tuple[str, ...]:
    """The runtime of that name; without one all that serve models, the lower bound last."""
    return (name,) if name is not None else (*SERVERS, BOUND)


def chosen(verdicts: Iterable[V]) -> V | None:
    """The first with room, else the first of all that can serve the model; None where none can. Verdicts behind the
    first with room are not looked at."""
    first = None
    for verdict in verdicts:
        if verdict.fits:
            return verdict
        first = first or verdict
    return first
