"""A treemap: areas in proportion to values, in rectangles as square as they come.

Source of the layout: M. Bruls, K. Huizing, J. van Wijk, Squarified Treemaps (2000), https://doi.org/10.1007/978-3-7091-6783-0_4
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.reports.pictures import svg

if TYPE_CHECKING:
    from collections.abc import Sequence

LABEL_WIDTH, LABEL_HEIGHT = 6.6, 16.0
"""Pixels a letter and a line need, about."""
HEADER = 18.0
"""Height of the strip that names an area with areas inside."""


class Area(NamedTuple):
    """A part of a whole."""

    label: str
    value: int
    colour: str
    detail: str
    """What a pointer that rests on it reads: the exact figure."""
    children: tuple[Area, ...] = ()
    key: str = ""
    """What a page asks for when the area is chosen."""


class Rectangle(NamedTuple):
    """A place on the picture, in pixels."""

    x: float
    y: float
    width: float
    height: float


def treemap(areas: Sequence[Area], label: str, width: int = 960, height: int = 420) -> str:
    """The picture as SVG text."""
    role = "group" if any(area.key for area in areas) else "img"
    return svg.picture(width, height, label, *_drawn(areas, Rectangle(0, 0, width, height)), role=role)


def squarify(values: Sequence[int], place: Rectangle) -> list[Rectangle]:
    """A rectangle for each value, in their order; values must be positive and fall."""
    rectangles: list[Rectangle] = []
    rest, start, total = place, 0, sum(values)
    while start < len(values):
        scale = rest.width * rest.height / total
        side = min(rest.width, rest.height)
        end = start + 1
        while end < len(values):
            if _worst(values[start : end + 1], side, scale) > _worst(values[start:end], side, scale):
                break
            end += 1
        row = values[start:end]
        rectangles += _row(row, rest, scale)
        rest = _remainder(sum(row), rest, scale)
        total -= sum(row)
        start = end
    return rectangles


def _worst(row: Sequence[int], side: float, scale: float) -> float:
    """The least square rectangle of a row along a side: the ratio of its longer to its shorter edge."""
    area = sum(row) * scale
    depth = area / side
    return max(max(depth / (value * scale / depth), value * scale / depth / depth) for value in row)


def _row(row: Sequence[int], place: Rectangle, scale: float) -> list[Rectangle]:
    area, rectangles = sum(row) * scale, []
    if place.width >= place.height:
        depth, offset = area / place.height, place.y
        for value in row:
            length = value * scale / depth
            rectangles.append(Rectangle(place.x, offset, depth, length))
            offset += length
    else:
        depth, offset = area / place.width, place.x
        for value in row:
            length = value * scale / depth
            rectangles.append(Rectangle(offset, place.y, length, depth))
            offset += length
    return rectangles


def _remainder(used: int, place: Rectangle, scale: float) -> Rectangle:
    if place.width >= place.height:
        depth = used * scale / place.height
        return Rectangle(place.x + depth, place.y, max(place.width - depth, 0.0), place.height)
    depth = used * scale / place.width
    return Rectangle(place.x, place.y + depth, place.width, max(place.height - depth, 0.0))


def _drawn(areas: Sequence[Area], place: Rectangle, within: str = "") -> list[str]:
    ordered = sorted((area for area in areas if area.value > 0), key=lambda area: -area.value)
    rectangles = squarify([area.value for area in ordered], place)
    return [part for area, rectangle in zip(ordered, rectangles, strict=True)
            for part in _area(area, rectangle, within)]


def _area(area: Area, place: Rectangle, within: str) -> list[str]:
    """The area, then its children beside it: a button's name must say all the text inside the button.

    A child without a key of its own answers a click for the area it lies `within`, and is no stop of the keyboard.
    """
    box = svg.element("rect", x=svg.number(place.x), y=svg.number(place.y), width=svg.number(place.width),
                      height=svg.number(place.height), fill=area.colour, stroke="#ffffff", stroke_width=1)
    attributes: dict[str, object] = {"data_key": area.key or within} if area.key or within else {}
    if area.key:
        attributes |= {"tabindex": 0, "role": "button", "aria_label": area.detail}
    group = [svg.element("g", svg.element("title", escape(area.detail)), box, *_label(area.label, place), **attributes)]
    if area.children and place.height > 2 * HEADER and place.width > 2 * HEADER:
        inside = Rectangle(place.x + 2, place.y + HEADER, place.width - 4, place.height - HEADER - 2)
        group += _drawn(area.children, inside, area.key or within)
    return group


def _label(label: str, place: Rectangle) -> list[str]:
    """The label where it fits whole: half a name says less than none."""
    if place.height < LABEL_HEIGHT or place.width < LABEL_WIDTH * len(label) + 8:
        return []
    return [svg.text(label, place.x + 5, place.y + 13, fill="#ffffff")]
