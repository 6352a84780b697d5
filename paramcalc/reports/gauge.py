"""Memory of devices by part against what they have: in letters for a terminal, in colours for a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.numbers import binary
from paramcalc.reports.pictures import svg
from paramcalc.reports.table import Gauge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paramcalc.reports.table import Bars

WIDTH, SPILL = 60, 14
"""Letters of a whole device, and at most beyond its edge."""
BAR = 44
"""Letters of a bar among several."""
PIXELS, HEIGHT, EDGE = 640, 26, 3
"""Of the bar; the mark of what may be used stands out of it by `EDGE`."""
BAR_HEIGHT, ROW = 16, 44
"""Of a bar among several, and of it with its name."""


def total(gauge: Gauge) -> int:
    """Bytes of all parts of a gauge together."""
    return sum(size for _, size in gauge.parts)


def state(gauge: Gauge) -> str:
    """What is taken, and what is left or lacks."""
    free = gauge.usable - total(gauge)
    rest = f"{binary(free)} free" if free >= 0 else f"{binary(-free)} over"
    return f"{binary(total(gauge))} of {binary(gauge.capacity)}, {rest}   {gauge.name}"


def drawn_in_letters(drawn: Gauge | Bars | None) -> list[str]:
    """The lines of whatever stands below a table."""
    if drawn is None:
        return []
    return gauge_lines(drawn) if isinstance(drawn, Gauge) else bars_lines(drawn)


def bars_lines(bars: Bars) -> list[str]:
    """A line for each device, then what its letters mean."""
    lines = []
    for name, sizes in bars.rows:
        marks, filled = "", 0
        for (letter, _), size in zip(bars.parts, sizes, strict=True):
            filled += size
            edge = filled * BAR // bars.capacity if bars.capacity else 0
            marks += letter * (min(BAR, edge) - len(marks))
        lines.append(f"{name} [{marks.ljust(BAR, '.')}] {binary(filled)}")
    return [*lines, f"{' '.join(' '.join(part) for part in bars.parts)}, {_against(bars)}"]


def _against(bars: Bars) -> str:
    return f"of {binary(bars.capacity)}" + (f" on {bars.name}" if bars.name else "")


def bars_picture(bars: Bars) -> str:
    """A bar of colours for each device, all to one scale, with the edge of a device."""
    scale = PIXELS / max(bars.capacity, *(sum(sizes) for _, sizes in bars.rows), 1)
    elements = []
    for index, (name, sizes) in enumerate(bars.rows):
        label = svg.text(f"{name}   {binary(sum(sizes))}", 0, 14, fill="currentColor", font_size=16)
        bar = svg.element("g", *_stacked([(part, size) for (_, part), size in zip(bars.parts, sizes, strict=True)],
                                         scale, bars.capacity, BAR_HEIGHT), transform="translate(0 20)")
        elements.append(svg.element("g", label, bar, transform=f"translate(0 {index * ROW})"))
    return svg.picture(PIXELS, len(bars.rows) * ROW, f"memory of each device, {_against(bars)}", *elements)


def gauge_lines(gauge: Gauge) -> list[str]:
    """A letter for each part; what does not fit stands beyond the edge."""
    marks = ""
    filled = 0
    for name, size in gauge.parts:
        filled += size
        marks += _letter(name) * (-(-filled * WIDTH // gauge.capacity) - len(marks))
    inside, beyond = marks[:WIDTH], marks[WIDTH:WIDTH + SPILL] + (">" if len(marks) > WIDTH + SPILL else "")
    edge = gauge.usable * WIDTH // gauge.capacity
    free = "".join("." if place < edge else "-" for place in range(len(inside), WIDTH))
    legend = " ".join(f"{_letter(name)} {name}" for name, _ in gauge.parts)
    return [f"[{inside}{free}]{beyond}",
            f" {legend} . free" + ("  - reserved" if gauge.usable < gauge.capacity else ""), f" {state(gauge)}"]


def gauge_picture(gauge: Gauge) -> str:
    """Parts as lengths of a bar, with the edge of the device and of what may be used of it."""
    scale = PIXELS / max(gauge.capacity, total(gauge), 1)
    drawn = _stacked(gauge.parts, scale, gauge.capacity, HEIGHT)
    edge = svg.number(gauge.usable * scale)
    drawn.append(svg.element("line", x1=edge, x2=edge, y1=-EDGE, y2=HEIGHT + EDGE, stroke="#a3141b", stroke_width=2))
    bar = svg.element("g", *drawn, transform=f"translate(0 {EDGE})")
    return svg.picture(PIXELS, HEIGHT + 2 * EDGE, state(gauge), bar)


def _stacked(parts: Sequence[tuple[str, int]], scale: float, capacity: int, height: int) -> list[str]:
    """A length for each part, and the frame of the device."""
    boxes = []
    left = 0.0
    for (name, size), fill in zip(parts, svg.SERIES, strict=False):
        title = svg.element("title", f"{name}: {size:,} bytes ({binary(size)})")
        boxes.append(svg.element("rect", title, x=svg.number(left), y=0, width=svg.number(size * scale), height=height,
                                 fill=fill))
        left += size * scale
    return [*boxes, svg.element("rect", x=0, y=0, width=svg.number(capacity * scale), height=height, fill="none",
                                stroke="currentColor")]


def drawn_in_colours(drawn: Gauge | Bars | None) -> tuple[str, list[tuple[str, str]], str]:
    """The picture of whatever stands below a table, its legend and its state in words."""
    if drawn is None:
        return "", [], ""
    if isinstance(drawn, Gauge):
        return gauge_picture(drawn), _legend([name for name, _ in drawn.parts]), state(drawn)
    frame = _against(drawn).removeprefix("of ")
    return bars_picture(drawn), _legend([name for _, name in drawn.parts]), f"frame: {frame}"


def _legend(names: Sequence[str]) -> list[tuple[str, str]]:
    """Each part's name and a square of its colour: a legend in the text's own size can be read on a phone."""
    return [(name, svg.element("svg", svg.element("rect", width=10, height=10, fill=fill), width=10, height=10,
                               aria_hidden="true"))
            for name, fill in zip(names, svg.SERIES, strict=False)]


def _letter(name: str) -> str:
    return name[0].upper()
