"""How tables say what is not known: the row of the total, and the last lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from paramcalc.answers.answer import Answer


def whole(answer: Answer) -> str:
    """What the total is of: the whole model, or the part of it that is counted."""
    return f"total of the text part, without {', '.join(answer.uncounted)}" if answer.uncounted else "total"


def verdict(runtime: str, *, fits: bool, roomy: bool, bound: bool = True) -> str:
    """`fits`, and by what. Where there is room (`roomy`) but it does not fit, either all that is known is a lower bound
    or the runtime does not serve the model."""
    if fits:
        return f"fits, by {runtime}"
    if not roomy:
        return "does not fit"
    return "not known: only a lower bound fits" if bound else f"not served by {runtime}"


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
