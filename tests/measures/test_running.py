"""FLOPs and caches of sparse decoders against small models that were run: torch 2.13.0, transformers 5.23.0.

`tests/data/oracle_running.jsonl` is what `tests/oracle/running.py` recorded: torch counting the FLOPs of a forward of
two sequences in eager attention, and every tensor the cache then holds (fp32). Lengths are one short of a full group
of compressed tokens, where the unfinished group is as large as it gets.
"""

import json
from math import prod
from pathlib import Path

import pytest

from paramcalc.build import build
from paramcalc.estimates.runtimes import Runtime
from paramcalc.measures.cache import Serving, mixers, types
from paramcalc.measures.flops import Workload, flops
from paramcalc.readers.config.read import read_config

RECORDS = [json.loads(line) for line in
           (Path(__file__).parent.parent / "data" / "oracle_running.jsonl").read_text(encoding="utf-8").splitlines()]
CASES = [(record, int(length)) for record in RECORDS for length in record["runs"]]
IDS = [f"{record['config']['model_type']}-{length}" for record, length in CASES]


def padded_once(tree):
    """Zaya pads once for two convolutions: neither computes the positions that padding each of them would add. Without
    a cache, it makes the delayed value of one more position, of zeros."""
    extra = 0
    for _, node, _, used in tree.walk():
        if getattr(node.part, "kind", "") == "convolved_attention":
            depthwise, grouped = [tensor for tensor in node.tensors if tensor.role == "conv"]
            extra += 2 * 2 * used * depthwise.numel * (depthwise.shape[-1] - grouped.shape[-1])
            extra += 2 * 2 * used * grouped.numel * (grouped.shape[-1] - 1)
            extra -= sum(2 * 2 * used * tensor.numel for tensor in node.tensors if "delayed.weight" in tensor.name)
    return extra


@pytest.mark.parametrize(("record", "length"), CASES, ids=IDS)
def test_flops(record, length):
    tree = build(read_config(record["config"]).spec).tree
    ours = flops(tree, Workload(record["batch"], length)).forward - padded_once(tree)
    assert ours == record["runs"][str(length)]["forward"]


@pytest.mark.parametrize(("record", "length"), CASES, ids=IDS)
def test_cache(record, length):
    kinds = mixers(build(read_config(record["config"]).spec).tree)
    allocated = Runtime("transformers").cache(kinds, Serving(length, record["batch"]), types("fp32"))
    assert allocated.bytes == 4 * sum(prod(shape) for _, shape in record["runs"][str(length)]["cache"])
