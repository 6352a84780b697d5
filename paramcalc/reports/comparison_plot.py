"""The picture of `compare` and `sweep`: one column against another, a point a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.errors import Problem, UsageError
from paramcalc.numbers import DECIMAL as BYTES
from paramcalc.numbers import FLOPS, SHORT
from paramcalc.reports.plot import figure

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from paramcalc.answers.comparison import Comparison, Row

NAMED = 24
"""Points that get their names, at most."""
WIDE = 20
"""An axis whose values differ by more than this factor is logarithmic."""
MARGIN = 0.12
BESIDE = 0.25
"""Margin at the sides, as a share of what the points span, that has room for the name of the last point."""


def draw(path: Path, answer: Comparison, x: str, y: str) -> None:
    """Write the picture. Raises UsageError where a column holds no numbers, or it cannot be drawn or written."""
    points = [(getattr(row, x), getattr(row, y), row) for row in answer.rows]
    numbers = [(a, b, row) for a, b, row in points if _number(a) and _number(b)]
    if not numbers:
        raise UsageError(Problem(f"no row has a number for both {x} and {y}", hint="--x total --y weights_bytes"))
    with figure(path) as axes:
        axes.scatter([a for a, _, _ in numbers], [b for _, b, _ in numbers], color="#4c78a8", s=18)
        for axis, values in (("x", [a for a, _, _ in numbers]), ("y", [b for _, b, _ in numbers])):
            if min(values) > 0 and max(values) > WIDE * min(values):
                getattr(axes, f"set_{axis}scale")("log")
            getattr(axes, f"{axis}axis").set_major_formatter(ticks(x if axis == "x" else y))
        named = len(numbers) <= NAMED
        for a, b, row in numbers if named else ():
            axes.annotate(_label(row), (a, b), xytext=(4, 3), textcoords="offset points", fontsize="x-small")
        axes.set(xlabel=x.replace("_", " "), ylabel=y.replace("_", " "))
        axes.margins(x=BESIDE if named else MARGIN, y=MARGIN)
        axes.grid(alpha=0.3)


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _label(row: Row) -> str:
    return "\n".join(f"{key}={value}" for key, value in row.set.items()) if row.set else row.name


def ticks(column: str) -> Callable[[float, object], str]:
    """How ticks of a column are written: bytes and FLOPs with their unit, since a B of bytes reads as a billion."""
    units = BYTES if "bytes" in column else FLOPS if "flops" in column else SHORT

    def label(value: float, _: object) -> str:
        unit, name = next((each for each in units if abs(value) >= each[0]), (1, "B" if units is BYTES else ""))
        return f"{value / unit:.4g} {name}".strip()

    return label
