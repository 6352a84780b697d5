"""Models whose class lives in a repository of its own, against the totals their publishers state."""

import json
from pathlib import Path

import pytest

from paramcalc.build import build
from paramcalc.measures.parameters import count
from paramcalc.readers.config.published import PUBLISHED_TYPES
from paramcalc.readers.config.read import read_config
from paramcalc.readers.families import known

DATA = Path(__file__).parent.parent / "data" / "published_totals.jsonl"
RECORDS = [json.loads(line) for line in DATA.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record["id"])
def test_total_is_the_published_one(record):
    """Some publishers' totals hold buffers or prediction layers too; the record says how many values."""
    spec = read_config(record["config"]).spec
    model = build(spec)
    counts, apart = count(model.tree), sum(count(tree).total for tree in model.apart.values())
    assert spec.uncounted == ()
    assert counts.buffers >= record.get("buffers", 0)
    assert counts.total + (apart if record.get("apart") else 0) == record["total"] - record.get("buffers", 0)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record["id"])
def test_names_do_not_repeat(record):
    from paramcalc.measures.parameters import rows

    names = [row.name for row in rows(build(read_config(record["config"]).spec).tree)]
    assert len(names) == len(set(names)) or record["config"]["model_type"] in ("nemotron-nas", "openelm", "dots1")


def test_every_published_type_can_be_counted():
    assert set(PUBLISHED_TYPES) <= set(known())
