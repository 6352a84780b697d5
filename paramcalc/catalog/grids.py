"""Grams of CO2 for a kilowatt-hour of electricity, by grid; `grids.json` holds them with source and year."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from paramcalc.catalog._data import read_table
from paramcalc.errors import Problem, UsageError

MOST = 5000.0
"""Grams for a kilowatt-hour that no fuel exceeds."""


class Grid(NamedTuple):
    """One grid."""

    name: str
    grams: float
    """Of CO2 for a kilowatt-hour."""
    source: str


@cache
def grids() -> dict[str, Grid]:
    """All by their name; `assumed` is what is taken where nothing is said."""
    table = read_table("grids.json")
    return {name: Grid(name, float(grams), f"{table['sources'][source]['title']}")
            for name, (grams, source) in table["grids"].items()}


def find_grid(text: str | None) -> Grid:
    """A grid by name, or a number of grams. Raises UsageError for what is neither."""
    if text is None:
        return grids()["assumed"]
    name = text.strip().lower()
    if name in grids():
        return grids()[name]
    try:
        grams = float(name)
    except ValueError:
        grams = -1.0
    if not 0 <= grams <= MOST:
        raise UsageError(Problem(f"--grid {text}: neither a number of gCO2/kWh nor the name of a grid",
                                 hint=f"a number to {MOST:,.0f}, or one of {', '.join(sorted(grids()))}"))
    return Grid("stated", grams, "stated")
