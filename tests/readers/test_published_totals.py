"""Models whose class lives in a repository of its own, against the totals their publishers state."""

import json
from pathlib import Path

import pytest

from paramcalc.build import build
from paramcalc.measures.parameters import count, rows
from paramcalc.readers.config.published import model_type_of
from paramcalc.readers.config.published_types import PUBLISHED_TYPES
from paramcalc.readers.config.read import read_config
from paramcalc.readers.families import counted_types
from paramcalc.readers.families.towers.tables import COMPOSITES, TOWERS
from paramcalc.readers.models import load

DATA = Path(__file__).parent.parent / "data" / "published_totals.jsonl"
RECORDS = [json.loads(line) for line in DATA.read_text("utf-8").splitlines()]
CONFIGS = [record for record in RECORDS if "config" in record]


AGAIN = {
    "table and head again for the prediction layer": lambda spec: 2 * spec.vocab_size * spec.hidden_size,
    "the tied head, held again": lambda spec: spec.vocab_size * spec.hidden_size,
}
"""What some files hold twice, and how much that is. Other values besides the parameters (scales of quantized weights,
masks and positions that older releases saved) are only named."""


def spec_of(record):
    return load(record["preset"]).spec if "preset" in record else read_config(record["config"]).spec


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record["id"])
def test_total_is_the_published_one(record):
    """Some publishers' totals hold buffers, prediction layers and more besides; the record says which, and how many
    values."""
    spec = spec_of(record)
    model = build(spec)
    counts, apart = count(model.tree), [count(tree) for tree in model.apart.values()]
    assert spec.uncounted == ()
    assert counts.buffers + sum(part.buffers for part in apart) >= record.get("buffers", 0)
    besides = record.get("besides", {})
    for why, values in besides.items():
        assert why not in AGAIN or values == AGAIN[why](spec)
    counted = counts.total + (sum(part.total for part in apart) if record.get("apart") else 0)
    assert counted + record.get("buffers", 0) + sum(besides.values()) == record["total"]


@pytest.mark.parametrize("record", CONFIGS, ids=lambda record: record["id"])
def test_names_do_not_repeat(record):
    tensors = [(row.name, row.shape) for row in rows(build(read_config(record["config"]).spec).tree)]
    assert len(tensors) == len(set(tensors))


@pytest.mark.parametrize("record", CONFIGS, ids=lambda record: record["id"])
def test_every_key_is_understood(record):
    assert read_config(record["config"]).spec.unread == ()


def test_a_type_without_a_total_says_so():
    measured = {spec_of(record).family for record in RECORDS} | {
        str(model_type_of(record["config"])) for record in RECORDS if "config" in record}
    silent = {name for name, entry in PUBLISHED_TYPES.items()
              if entry.verified and entry.classes and name not in measured}
    assert silent == UNMEASURED


UNMEASURED = {"intern_vit_6b"}
"""A tower, which the totals of whole models hold."""


def test_every_published_type_can_be_counted():
    towers = {name for name in PUBLISHED_TYPES if name in TOWERS or name in COMPOSITES}
    assert set(PUBLISHED_TYPES) - towers <= set(counted_types())
