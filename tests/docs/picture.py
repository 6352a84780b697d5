"""The README's picture: what a terminal shows, drawn by Rich."""

from __future__ import annotations

import io
import re

from rich.console import CONSOLE_SVG_FORMAT, Console
from rich.text import Text

from paramcalc.answers.estimate import estimate
from paramcalc.estimates.settings import PageSettings
from paramcalc.readers.models import load
from paramcalc.reports.estimate import tables
from paramcalc.reports.render import show
from tests.docs.blocks import ROOT

PICTURE = ROOT / ".github" / "estimate.svg"
MODEL = "deepseek-v3"
COMMAND = f"paramcalc estimate {MODEL} --context 32k"
FACES = re.compile(r"@font-face \{\{.*?\}\}\s*", re.DOTALL)
LOCAL = FACES.sub("", CONSOLE_SVG_FORMAT).replace("Fira Code", "ui-monospace")
"""Rich's frame without fonts from elsewhere: a picture in a repository loads nothing."""
TEXT = re.compile(r"<text[^>]*>([^<]*)</text>")


def picture():
    """The screen after `COMMAND`, as SVG."""
    console = Console(record=True, width=96, file=io.TextIOWrapper(io.BytesIO(), "utf-8"), force_terminal=True,
                      color_system="truecolor", legacy_windows=False, markup=False, highlight=False, emoji=False)
    console.print(Text.assemble(("$ ", "green"), COMMAND))
    show(tables(estimate(load(MODEL), PageSettings.of({"context": "32k"}))), console)
    return console.export_svg(title="paramcalc", unique_id="paramcalc", code_format=LOCAL)


def words(svg):
    """What is to be read in a picture: releases of Rich differ in how they draw."""
    return "".join(TEXT.findall(svg)).replace("&#160;", " ").split()
