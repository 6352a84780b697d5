"""A device's memory by part against what it has: in letters for a terminal, in colours for a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.numbers import binary
from paramcalc.reports.pictures import svg

if TYPE_CHECKING:
    from paramcalc.reports.table import Gauge

WIDTH, SPILL = 60, 14
"""Letters of a whole device, and at most beyond its edge."""
PIXELS, HEIGHT, EDGE = 640, 26, 3
"""Of the bar; the mark of what may be used stands out of it by `EDGE`."""


def total(gauge: Gauge) -> int:
    """Bytes of all parts."""
    return sum(size for _, size in gauge.parts)


def state(gauge: Gauge) -> str:
    """What is taken, and what is left or lacks."""
    left = gauge.usable - total(gauge)
    rest = f"{binary(left)} free" if left >= 0 else f"{binary(-left)} too much"
    return f"{binary(total(gauge))} of {binary(gauge.capacity)}, {rest}   {gauge.name}"


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
            f" {legend} . free" + ("  - not to be used" if gauge.usable < gauge.capacity else ""), f" {state(gauge)}"]


def gauge_picture(gauge: Gauge) -> str:
    """Parts as lengths of a bar, with the edge of the device and of what may be used of it."""
    scale = PIXELS / max(gauge.capacity, total(gauge), 1)
    drawn = [svg.element("rect", x=0, y=0, width=svg.number(gauge.capacity * scale), height=HEIGHT, fill="none",
                         stroke="currentColor")]
    left = 0.0
    for (name, size), fill in zip(gauge.parts, svg.SERIES, strict=False):
        title = svg.element("title", f"{name}: {size:,} bytes ({binary(size)})")
        drawn.append(svg.element("rect", title, x=svg.number(left), y=0, width=svg.number(size * scale), height=HEIGHT,
                                 fill=fill))
        left += size * scale
    edge = svg.number(gauge.usable * scale)
    drawn.append(svg.element("line", x1=edge, x2=edge, y1=-EDGE, y2=HEIGHT + EDGE, stroke="#a3141b", stroke_width=2))
    bar = svg.element("g", *drawn, transform=f"translate(0 {EDGE})")
    return svg.picture(PIXELS, HEIGHT + 2 * EDGE, state(gauge), bar)


def gauge_legend(gauge: Gauge) -> list[tuple[str, str]]:
    """Each part's name and a square of its colour: a legend in the text's own size can be read on a phone."""
    return [(name, svg.element("svg", svg.element("rect", width=10, height=10, fill=fill), width=10, height=10,
                               aria_hidden="true"))
            for (name, _), fill in zip(gauge.parts, svg.SERIES, strict=False)]


def _letter(name: str) -> str:
    return name[0].upper()
