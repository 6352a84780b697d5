"""The tables of the package are read row by row; a whole YAML loader must find the same in them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import paramcalc.catalog
from paramcalc.catalog._data import read_table

TABLES = sorted(Path(paramcalc.catalog.__file__).parent.glob("*.yaml"))
WORDS = {"null": "None", "true": "True", "false": "False", "": "None"}


def texts(value: object) -> object:
    """Every scalar as text, which is how a base loader leaves it."""
    if isinstance(value, dict):
        return {str(key): texts(item) for key, item in value.items()}
    return [texts(item) for item in value] if isinstance(value, list) else WORDS.get(str(value), str(value))


@pytest.mark.parametrize("table", TABLES, ids=lambda path: path.name)
def test_rows_are_what_a_whole_loader_finds(table: Path) -> None:
    whole = yaml.load(table.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - it makes texts alone
    read = {key: dict(rows) for key, rows in read_table(table.name).items()}
    assert texts(read) == texts(whole)
    assert sum(map(len, read.values())) > 10
