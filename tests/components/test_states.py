"""What each mixer says it keeps between tokens, against what the library's classes kept (tests/oracle/caches.py)."""

import json
from math import prod
from pathlib import Path

import pytest

from paramcalc.build import build
from paramcalc.readers.config.read import read_config

RECORDS = [json.loads(line) for line in
           (Path(__file__).parent.parent / "data" / "caches.jsonl").read_text(encoding="utf-8").splitlines()]
BYTES = {None: 2, "float32": 4}


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record["class"])
def test_states_are_what_the_class_keeps(record):
    tree = build(read_config(record["config"]).spec).tree
    for run in record["runs"]:
        assert cache_bytes(tree, run["length"]) * record["batch"] == run["bytes"]


def cache_bytes(tree, length):
    """Bytes of one sequence's states in a bf16 cache; the library keeps a token less than a window."""
    total = 0
    for path, node, _, used in tree.walk():
        for state in node.states(path):
            reach = state.length(length, 0)
            tokens = 1 if state.per == "sequence" else reach if state.window is None else min(reach, state.window - 1)
            total += prod(state.shape) * tokens * BYTES[state.dtype] * used * state.used
    return total
