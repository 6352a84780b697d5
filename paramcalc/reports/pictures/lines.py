"""A line chart: named lines over a logarithmic or linear axis, and a level that must not be passed."""

from __future__ import annotations

from html import escape
from math import log2
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.reports.pictures import svg

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

TOP, BOTTOM = 28, 52
"""Room above and below the lines, in pixels."""
SIZE = 16
"""Pixels of a letter; a chart of 640 pixels is shown at half its size on a phone, where half of it can be read."""
LETTER, GAP = 0.65 * SIZE, 8
"""Pixels across that a letter needs at most on average, and between a line and its label."""


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
    names = [(line.name, line.points[-1][1]) for line in lines] + ([level] if level is not None else [])
    left = _room(y.label(tick) for tick in y.ticks)
    right = width - _room(name for name, _ in names)
    across, down = _scale(x, left, right), _scale(y, height - BOTTOM, TOP)
    parts = _grid(x, y, across, down, height)
    if level is not None:
        place = svg.number(down(level[1]))
        parts.append(svg.element("line", x1=svg.number(left), x2=svg.number(right), y1=place, y2=place,
                                 stroke="#b91c1c", stroke_width=2, stroke_dasharray="6 4"))
    for index, line in enumerate(lines):
        parts += _line(line, svg.SERIES[index % len(svg.SERIES)], across, down, y)
    heights = apart([down(value) for _, value in names], SIZE, height - BOTTOM)
    parts += [svg.text(name, right + GAP, place + 4, fill="currentColor")
              for (name, _), place in zip(names, heights, strict=True)]
    return svg.picture(width, height, label, svg.element("g", *parts, font_size=SIZE))


def apart(places: Sequence[float], gap: float, last: float) -> list[float]:
    """Heights at least `gap` from each other and none below `last`, each as near to its place as that leaves it."""
    order = sorted(range(len(places)), key=lambda index: -places[index])
    moved, limit = list(places), last
    for index in order:
        moved[index] = min(places[index], limit)
        limit = moved[index] - gap
    return moved


def _room(labels: Iterable[str]) -> float:
    """Pixels that the longest of the labels needs beside the lines."""
    return 2 * GAP + LETTER * max(map(len, labels))


def _scale(axis: Axis, start: float, end: float) -> Callable[[float], float]:
    low, high = axis.ticks[0], axis.ticks[-1]
    if axis.logarithmic:
        return lambda value: start + (log2(value) - log2(low)) / ((log2(high) - log2(low)) or 1) * (end - start)
    return lambda value: start + (value - low) / ((high - low) or 1) * (end - start)


def _grid(x: Axis, y: Axis, across: Callable[[float], float], down: Callable[[float], float],
          height: int) -> list[str]:
    left, right = across(x.ticks[0]), across(x.ticks[-1])
    parts = []
    for tick in y.ticks:
        place = svg.number(down(tick))
        parts.append(svg.element("line", x1=svg.number(left), x2=svg.number(right), y1=place, y2=place,
                                 stroke="currentColor", stroke_opacity=0.15))
        parts.append(svg.text(y.label(tick), left - GAP, down(tick) + 4, text_anchor="end", fill="currentColor"))
    for tick in x.ticks:
        parts.append(svg.text(x.label(tick), across(tick), height - BOTTOM + 22, text_anchor="middle",
                              fill="currentColor"))
    parts.append(svg.text(x.name, (left + right) / 2, height - 8, text_anchor="middle", fill="currentColor"))
    parts.append(svg.text(y.name, left, TOP - 10, fill="currentColor"))
    return parts


def _line(line: Line, colour: str, across: Callable[[float], float], down: Callable[[float], float],
          y: Axis) -> list[str]:
    places = [(across(a), down(b)) for a, b in line.points]
    path = " ".join(f"{svg.number(a)},{svg.number(b)}" for a, b in places)
    marks = [svg.element("circle", svg.element("title", escape(f"{line.name}: {y.label(value)}")), cx=svg.number(a),
                         cy=svg.number(b), r=3.5, fill=colour)
             for (a, b), (_, value) in zip(places, line.points, strict=True)]
    return [svg.element("polyline", points=path, fill="none", stroke=colour, stroke_width=2), *marks]
