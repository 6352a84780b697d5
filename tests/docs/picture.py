"""The README's picture: one model on a few devices, whether it fits and how fast it answers.

Only rectangles and text with their own fonts, sizes and fills: no style sheet, clip or variable, which viewers other
than browsers (librsvg, ImageMagick, Inkscape) treat each in their own way.
"""

from __future__ import annotations

import paramcalc
from paramcalc.numbers import binary
from paramcalc.reports.pictures import svg
from tests.docs.blocks import ROOT

PICTURE = ROOT / ".github" / "fit.svg"
MODEL, FORMAT, RUNTIME, CONTEXT = "qwen3-32b", "q4_k_m", "llama.cpp", "16k"
DEVICES = ("rtx-3060-12gb", "rtx-4090", "rtx-5090", "h100", "m4-max")
LABEL = f"Does {MODEL} fit, and how fast is it?"
SETTING = f"{FORMAT} weights, {CONTEXT} tokens of context, one request, {RUNTIME}"
PARTS = {"weights": "#1f5f8b", "cache": "#a44a06", "activations": "#28704a"}
INK, SOFT, PAPER, ROOM, GOOD, BAD = "#16191d", "#4d5661", "#ffffff", "#e4e8ec", "#14652f", "#a3141b"
WIDTH, MARGIN, TOP, ROW, BAR, SCALE = 960, 24, 92, 62, 16, 912
"""Pixels: the picture, its margin, the first row, from row to row, a bar's height, the longest bar."""


def picture():
    """Bars of memory on one scale, a row for each device, and what `fit` and `speed` say of it."""
    answers = [(fit(name), speed(name)) for name in DEVICES]
    most = max(max(answer.machine.capacity, answer.total.total) for answer, _ in answers)
    height = TOP + ROW * len(answers) + 36
    drawn = [svg.element("rect", x=0.5, y=0.5, width=WIDTH - 1, height=height - 1, rx=8, fill=PAPER, stroke=ROOM),
             line(LABEL, MARGIN, 40, INK, 24, "bold"), line(SETTING, MARGIN, 64, SOFT, 15)]
    for index, (answer, rate) in enumerate(answers):
        drawn += row(answer, rate, TOP + ROW * index, SCALE / most)
    for index, (name, fill) in enumerate((*PARTS.items(), ("free", ROOM))):
        drawn += [svg.element("rect", x=MARGIN + 130 * index, y=height - 32, width=12, height=12, fill=fill),
                  line(name, MARGIN + 18 + 130 * index, height - 21, SOFT, 14)]
    return svg.picture(WIDTH, height, f"{LABEL} {SETTING}", *drawn) + "\n"


def fit(device):
    """The answer of `fit` on a device."""
    return paramcalc.fit(MODEL, device, CONTEXT, quant=FORMAT, runtime=RUNTIME)


def speed(device):
    """Tokens a second of one request, or nothing where it does not fit."""
    answer = paramcalc.speed(MODEL, device, prompt=CONTEXT, concurrency="1", quant=FORMAT, runtime=RUNTIME)
    return answer.points[0].tokens_per_second


def row(answer, rate, top, scale):
    """A device's name, verdict and bar."""
    free_bytes = answer.machine.usable - answer.total.total
    fast = "" if rate is None else f", {rate.expected:.0f} tokens a second ({rate.low:.0f} to {rate.high:.0f})"
    verdict = f"fits{fast}" if answer.fits else f"does not fit: {binary(-free_bytes)} too much"
    sizes = f"{binary(answer.total.total)} of {binary(answer.machine.usable)}"
    parts = [svg.element("rect", x=MARGIN, y=top + 22, width=svg.number(answer.machine.capacity * scale), height=BAR,
                         fill=ROOM)]
    start = 0.0
    for name, fill in PARTS.items():
        width = getattr(answer.total, name) * scale
        parts.append(svg.element("rect", x=svg.number(MARGIN + start), y=top + 22, width=svg.number(width), height=BAR,
                                 fill=fill))
        start += width
    edge = svg.number(MARGIN + answer.machine.usable * scale - 1)
    return [line(answer.machine.device.name, MARGIN, top + 15, INK, 16, "bold"),
            line(sizes, MARGIN + 290, top + 15, SOFT, 15),
            line(verdict, MARGIN + 500, top + 15, GOOD if answer.fits else BAD, 16, "bold"), *parts,
            svg.element("rect", x=edge, y=top + 19, width=2, height=BAR + 6, fill=BAD)]


def line(content, x, y, fill, size, weight="normal"):
    """A line of text."""
    return svg.text(content, x, y, fill=fill, font_size=size, font_weight=weight,
                    font_family="Helvetica, Arial, sans-serif")

