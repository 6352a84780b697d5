"""Every recorded class, default and random small configs: total, buffers, active, components, names and shapes."""

import collections
import json
import math
import re
from pathlib import Path

import pytest

from paramcalc.build import build
from paramcalc.measures.certainty import size_certainty
from paramcalc.measures.parameters import count, rows
from paramcalc.readers.config.read import read_config
from paramcalc.readers.families import counted_types

RECORDS = Path(__file__).parent.parent / "data" / "oracle"


def records():
    for path in sorted(RECORDS.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)


COUNTED = set(counted_types())
CASES = [record for record in records() if record["config"]["model_type"] in COUNTED]


@pytest.mark.parametrize("record", CASES, ids=lambda record: record["id"])
def test_counts_what_the_class_holds(record):
    assert difference(record) == {}


def difference(record):
    """What we say and what was measured, where they are not the same; what a class writes itself is all understood."""
    spec = read_config(record["config"]).spec
    model = build(spec)
    counts = count(model.tree)
    ours = {"known": size_certainty(spec), "total": counts.total, "buffers": counts.buffers,
            "components": {name: total for name, (total, _) in counts.components.items()}}
    theirs = {"known": "exact", "total": record["total"], "buffers": record["buffers"],
              "components": record["components"]}
    if record.get("active") is not None:
        ours["active"], theirs["active"] = counts.active, record["active"]
    differences = {key: (ours[key], theirs[key]) for key in ours if ours[key] != theirs[key]}
    mine = sorted((r.name, r.shape, r.copies) for r in rows(model.tree) if not r.buffer)
    measured = measured_rows(record)
    if mine != measured:
        differences["tensors"] = ([r for r in mine if r not in measured], [r for r in measured if r not in mine])
    return differences


def measured_rows(record):
    """Names, shapes and copies as files have them. Tables that are computed when a file is loaded count in `total`
    and are listed; experts that a class numbers inside a word are one row, as all repeated parts are."""
    listed = record.get("checkpoint_tensors") or record["tensors"]
    if sum(math.prod(shape) * copies for _, shape, copies, *_ in listed) < record["total"]:
        names = {name for name, *_ in listed}
        listed = listed + [row for row in record["tensors"] if row[0] not in names]
    rows = collections.Counter()
    for name, shape, copies, *_ in listed:
        rows[re.sub(r"\bexpert_\d+\b", "expert_*", name), tuple(shape)] += copies
    return sorted((name, shape, copies) for (name, shape), copies in rows.items())
