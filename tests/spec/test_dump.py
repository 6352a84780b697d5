"""Every recorded class of a known family, written as YAML, read back, counts the same."""

import json
from pathlib import Path

import pytest

from paramcalc.build import build
from paramcalc.measures.parameters import count, rows
from paramcalc.readers.config.read import read_config
from paramcalc.readers.families import counted_types
from paramcalc.readers.models import load, parse_spec
from paramcalc.readers.presets import presets
from paramcalc.readers.text.document import Document, read_yaml
from paramcalc.reports.spec_yaml import spec_yaml
from paramcalc.spec.dump import dump

RECORDS = Path(__file__).parent.parent / "data" / "oracle"


def records():
    counted = set(counted_types())
    for path in sorted(RECORDS.glob("*.jsonl")):
        records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        # One published default and one drawn config of each class: the rest differ only in sizes.
        yield from {(r["class"], "default" in r["id"]): r for r in records if r["model_type"] in counted}.values()


@pytest.mark.parametrize("record", list(records()), ids=lambda record: record["id"])
def test_round_trip(record):
    spec = read_config(record["config"]).spec
    text = spec_yaml(dump(spec))
    again = parse_spec(read_yaml(text, "written"))
    first, second = build(spec), build(again)
    assert sorted(rows(second.tree)) == sorted(rows(first.tree))
    assert count(second.tree) == count(first.tree)
    assert spec_yaml(dump(again)) == text


@pytest.mark.parametrize("name", list(presets()))
def test_a_preset_keeps_what_it_promises(name):
    spec = load(name).spec
    assert parse_spec(read_yaml(spec_yaml(dump(spec)), "written")) == spec


BOUNDS = ["<= 8.1B", "7B..8B", "8B ± 1%", 8_030_261_248]


@pytest.mark.parametrize("bound", BOUNDS)
def test_a_bound_is_written_as_it_was_read(bound):
    data = {"paramcalc": 1, "hidden_size": 64, "vocab_size": 8, "num_layers": 1, "num_heads": 2,
            "intermediate_size": 64, "expect": {"total": bound}}
    assert dump(parse_spec(Document(data, "here")))["expect"] == {"total": bound}


STRINGS = ["no", "1e5", "010", "a: b", "a #b", "[red]", "", " x", "null", "\x1b[31m", "ü", "x\ny"]


@pytest.mark.parametrize("name", STRINGS)
def test_strings_come_back_as_written(name):
    data = {"paramcalc": 1, "name": name, "hidden_size": 8, "vocab_size": 8, "num_layers": 1, "num_heads": 1,
            "intermediate_size": 8}
    assert read_yaml(spec_yaml(data), "written").data["name"] == name
