"""A line chart: named lines over a logarithmic or linear axis, and a level that must not be passed."""

from __future__ import annotations

from html import escape
from math import log2
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.reports.pictures import svg

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LEFT, RIGHT, TOP, BOTTOM = 92, 104, 28, 52
"""Room around the lines for labels, in pixels."""
SIZE = 16
"""Pixels of a letter; a chart of 640 pixels is shown at half its size on a phone, where half of it can be read."""


class Line(NamedTuple):
    """Points that belong together, named at the last one."""

    name: str
    points: tuple[tuple[float, float], ...]


class Axis(NamedTuple):
    """What a direction measures: its name, the values with a tick, and how a value is written."""

    name: str
    ticks: tuple[float, ...]
    label: Callable[[float], str]
    logarithmic: bool = False


def line_chart(lines: Sequence[Line], x: Axis, y: Axis, label: str, *, level: tuple[str, float] | None = None,
               width: int = 640, height: int = 360) -> str:
    """The picture as SVG text; `level` is a named horizontal line, for example a device's memory."""
    across = _scale(x, LEFT, width - RIGHT)
    down = _scale(y, height - BOTTOM, TOP)
    parts = [*_grid(x, y, across, down, width, height)]
    if level is not None:
        name, value = level
        place = svg.number(down(value))
        parts.append(svg.element("line", x1=LEFT, x2=width - RIGHT, y1=place, y2=place, stroke="#b91c1c",
                                 stroke_width=2, stroke_dasharray="6 4"))
        parts.append(svg.text(name, width - RIGHT + 6, down(value) + 4, fill="currentColor"))
    for index, line in enumerate(lines):
        parts += _line(line, svg.SERIES[index % len(svg.SERIES)], across, down, y)
    return svg.picture(width, height, label, svg.element("g", *parts, font_size=SIZE))


def _scale(axis: Axis, start: float, end: float) -> Callable[[float], float]:
    low, high = axis.ticks[0], axis.ticks[-1]
    if axis.logarithmic:
        return lambda value: start + (log2(value) - log2(low)) / ((log2(high) - log2(low)) or 1) * (end - start)
    return lambda value: start + (value - low) / ((high - low) or 1) * (end - start)


def _grid(x: Axis, y: Axis, across: Callable[[float], float], down: Callable[[float], float], width: int,
          height: int) -> list[str]:
    parts = []
    for tick in y.ticks:
        place = svg.number(down(tick))
        parts.append(svg.element("line", x1=LEFT, x2=width - RIGHT, y1=place, y2=place, stroke="currentColor",
                                 stroke_opacity=0.15))
        parts.append(svg.text(y.label(tick), LEFT - 6, down(tick) + 4, text_anchor="end", fill="currentColor"))
    for tick in x.ticks:
        parts.append(svg.text(x.label(tick), across(tick), height - BOTTOM + 22, text_anchor="middle",
                              fill="currentColor"))
    parts.append(svg.text(x.name, (LEFT + width - RIGHT) / 2, height - 8, text_anchor="middle", fill="currentColor"))
    parts.append(svg.text(y.name, LEFT, TOP - 10, fill="currentColor"))
    return parts


def _line(line: Line, colour: str, across: Callable[[float], float], down: Callable[[float], float],
          y: Axis) -> list[str]:
    places = [(across(a), down(b)) for a, b in line.points]
    path = " ".join(f"{svg.number(a)},{svg.number(b)}" for a, b in places)
    marks = [svg.element("circle", svg.element("title", escape(f"{line.name}: {y.label(value)}")), cx=svg.number(a),
                         cy=svg.number(b), r=3.5, fill=colour)
             for (a, b), (_, value) in zip(places, line.points, strict=True)]
    end = places[-1]
    return [svg.element("polyline", points=path, fill="none", stroke=colour, stroke_width=2), *marks,
            svg.text(line.name, end[0] + 8, end[1] + 4, fill="currentColor")]
