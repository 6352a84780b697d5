"""Memory against context: one line for each batch, and the memory of a device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.numbers import binary
from paramcalc.reports.pictures.lines import Axis, Line, line_chart

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FIRST, LAST, DOUBLINGS = 2**10, 2**17, 7
"""Tokens of context a picture begins and ends with; it begins earlier for a model of few positions."""
STEPS = 4
"""Parts of the axis of bytes."""


def contexts_up_to(positions: int | None) -> tuple[int, ...]:
    """The contexts of a picture: doubled, none longer than the model has positions."""
    last = min(LAST, 1 << (positions.bit_length() - 1)) if positions else LAST
    first = min(FIRST, max(1, last >> DOUBLINGS))
    return tuple(first << step for step in range(last.bit_length() - first.bit_length() + 1))


def memory_chart(name: str, lines: Mapping[str, Sequence[tuple[int, int]]],
                 device: tuple[str, int] | None = None) -> str:
    """Bytes on a device over tokens of context; `lines` names each series of `(context, bytes)`."""
    every = [value for points in lines.values() for _, value in points]
    top = _rounded(max([*every, device[1] if device else 0]))
    contexts = sorted({context for points in lines.values() for context, _ in points})
    x = Axis("tokens of context", tuple(contexts), _tokens, logarithmic=True)
    ticks = tuple(top * step // STEPS for step in range(STEPS + 1))
    y = Axis("memory on a device", ticks, lambda value: binary(int(value)))
    return line_chart([Line(label, tuple(points)) for label, points in lines.items()], x, y,
                      f"Memory of {name} by context", level=device)


def _tokens(value: float) -> str:
    return f"{int(value) // 1024}k" if value >= 1024 else f"{int(value)}"


def _rounded(value: int) -> int:
    """A round top for the axis: 1, 2 or 5 times a power of two GiB above the value."""
    unit = 2**20
    while unit * 5 < value:
        unit *= 2
    return next(unit * factor for factor in (1, 2, 3, 4, 5) if unit * factor >= value)
