"""Grids: a name or a number, each with its source."""

import pytest

from paramcalc.catalog.grids import find_grid, grids
from paramcalc.errors import UsageError


def test_names_numbers_and_the_assumption():
    assert find_grid("France").grams < 100 < find_grid("us").grams
    assert find_grid("385.5").grams == 385.5
    assert find_grid(None).grams == 400


def test_every_grid_has_a_source():
    assert all(grid.source and grid.grams > 0 for grid in grids().values())


@pytest.mark.parametrize("text", ["atlantis", "-1", "nan", "1e9"])
def test_what_is_neither_is_refused(text):
    with pytest.raises(UsageError, match="neither a number"):
        find_grid(text)
