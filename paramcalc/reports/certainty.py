"""How tables say what is not known: the row of the total, and the last lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.measures.certainty import why_bound
from paramcalc.reports.table import Column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paramcalc.answers.answer import Answer
    from paramcalc.measures.certainty import Certainty


def total_label(answer: Answer) -> str:
    """What the total is of: the whole model, or the part of it that is counted; or that it is a lower bound."""
    if answer.uncounted:
        return f"total of the text part, without {', '.join(answer.uncounted)}"
    return "total, at least" if why_bound(answer.built.spec) else "total"


def partly(answer: Answer) -> tuple[str, ...]:
    """What a table without a total says of parts that are not counted: a line, where there are any."""
    return partial(answer.uncounted)


def partial(uncounted: Sequence[str]) -> tuple[str, ...]:
    """What a table without a total says of uncounted parts: a line, where there are any."""
    return (f"of the text part alone: {', '.join(uncounted)} is not included",) if uncounted else ()


def verdict(runtime: str, *, fits: bool, roomy: bool, bound: bool = True) -> str:
    """`fits`, and by what. Where there is room (`roomy`) but it does not fit, either all that is known is a lower bound
    or the runtime does not serve the model."""
    if fits:
        return f"fits, by {runtime}"
    if not roomy:
        return "does not fit"
    return "unknown: only a lower bound fits" if bound else f"not served by {runtime}"


def missing(answer: Answer) -> tuple[str, ...]:
    """A length beside the model's positions, sizes nobody said, keys nobody read: a line each, where there are any."""
    defaults = answer.assumptions.get("defaults")
    unread: tuple[str, ...] = answer.built.spec.unread
    lines = [*answer.notes, *filter(None, (answer.length.note,))]
    if isinstance(defaults, dict) and defaults:
        sizes = ", ".join(f"{name} {size:,}" if isinstance(size, int) else f"{name} {size}"
                          for name, size in defaults.items())
        lines.append(f"from the defaults of the class: {sizes}")
    if unread:
        lines.append(f"a lower bound: {', '.join(unread)} could change a size and is not used")
    return tuple(lines)


def marks(level: Certainty) -> tuple[Column, Column]:
    """Columns of how the figures of a row are known and of what is not counted, for programs; people see the first
    where it warns."""
    return Column("known", for_people=level in ("bound", "unknown")), Column("uncounted", for_people=False)
