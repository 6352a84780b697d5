"""Models whose class lives in a repository of its own, against the totals their publishers state."""

import json
from pathlib import Path

import pytest

from paramcalc.build import build
from paramcalc.measures.parameters import count
from paramcalc.readers.config.published import PUBLISHED_TYPES
from paramcalc.readers.config.read import read_config
from paramcalc.readers.families import known
from paramcalc.readers.families.towers.tables import TOWERS, WHOLES

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

    tensors = [(row.name, row.shape) for row in rows(build(read_config(record["config"]).spec).tree)]
    assert len(tensors) == len(set(tensors))


def test_every_published_type_can_be_counted():
    towers = {name for name in PUBLISHED_TYPES if name in TOWERS or name in WHOLES}
    assert set(PUBLISHED_TYPES) - towers <= set(known())
