"""The tables of the package: plain JSON, each key once, read whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import paramcalc.catalog
from paramcalc.catalog._data import read_table

TABLES = sorted(Path(paramcalc.catalog.__file__).parent.glob("*.json"))


def distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object whose keys all differ."""
    keys = [key for key, _ in pairs]
    assert len(set(keys)) == len(keys), keys
    return dict(pairs)


@pytest.mark.parametrize("table", TABLES, ids=lambda path: path.name)
def test_a_table_is_read_whole(table: Path) -> None:
    document = json.loads(table.read_text(encoding="utf-8"), object_pairs_hook=distinct)
    assert read_table(table.name) == document
    assert sum(map(len, document.values())) > 10
