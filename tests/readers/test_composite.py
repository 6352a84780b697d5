"""Composite configs: the text model's tensors, spelled and shaped as files hold them, and what is left out."""

import json
from pathlib import Path

import pytest

from paramcalc.build import build
from paramcalc.measures.parameters import rows
from paramcalc.readers.huggingface import read_config

RECORDS = [json.loads(line) for line in
           (Path(__file__).parent.parent / "data" / "composites.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record["id"])
def test_counts_the_text_model_as_files_spell_it(record):
    spec = read_config(record["config"]).spec
    ours = sorted((r.name, r.shape, r.copies, r.component) for r in rows(build(spec).tree) if not r.buffer)
    measured = sorted((name, tuple(shape), copies, component) for name, shape, copies, component
                      in record["text_tensors"])
    assert [r for r in ours if r not in measured] == [], [r for r in measured if r not in ours]
    assert ours == measured
    assert [part.split(" ")[0] for part in spec.uncounted] == spec_parts(record["config"])


def spec_parts(config):
    """Nested configs beside the text model's."""
    return [key for key, value in config.items() if isinstance(value, dict) and "model_type" in value
            and key != "text_config"]
