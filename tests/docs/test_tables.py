"""Tables of the documents that are written by hand say what the catalog has."""

import re
from typing import get_args

from paramcalc.catalog.grids import find_grid
from paramcalc.catalog.scaling_laws import DEFAULT, scaling_law, scaling_laws
from paramcalc.catalog.training import power_share, run_share, usual_pue, usual_step_tokens
from paramcalc.estimates.design.settings import LawName
from paramcalc.utilization import FRAMEWORKS
from tests.docs.blocks import ROOT

COUNTED = {"total": "all parameters", "non_embedding": "parameters outside the tables",
           "active_non_embedding": "active parameters outside the tables"}


def rows(document, head):
    """Cells of the table with this head, a list a row."""
    lines = (ROOT / "docs" / document).read_text("utf-8").partition(f"| {head} |")[2].splitlines()[2:]
    end = next(number for number, line in enumerate(lines) if not line.startswith("|"))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[:end]]


def test_laws():
    table = {name.removesuffix(" (default)"): (source, counted) for name, source, counted in rows("design.md", "law")}
    assert set(table) == set(scaling_laws()) == set(get_args(LawName))
    assert [name for name, *_ in rows("design.md", "law") if name.endswith("(default)")] == [f"{DEFAULT} (default)"]
    for name, (source, counted) in table.items():
        law = scaling_law(name)
        assert COUNTED[law.counted] == counted.removesuffix(", C4")
        assert source.partition(",")[0] == law.source.partition(",")[0]


def test_assumptions_of_a_run():
    values = {option.strip("`").partition(" ")[0].rstrip("`,"): value
              for _, value, option in rows("speed.md", "assumption")}
    for option, interval in (("--run-share", run_share()), ("--power", power_share())):
        low, expected, high = interval
        assert values[option] == f"{expected:g} ({low:g} to {high:g})"
    assert values["--pue"] == f"{usual_pue():g}"
    assert values["--grid"] == f"{find_grid(None).grams:g}"
    assert values["--global-batch"] == f"{usual_step_tokens():,}"


def test_conventions_of_frameworks():
    words = {convention.strip("`"): re.findall(r"[\w-]+", frameworks.partition(", which")[0].lower())
             for convention, _, frameworks in rows("speed.md", "convention")}
    assert {name: convention for convention, names in words.items() for name in names} == FRAMEWORKS
