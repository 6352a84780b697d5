"""Which matrices are quantized, against the libraries' own loaders (tests/oracle/replaced.py)."""

import json
from pathlib import Path

import pytest

from paramcalc.build import build
from paramcalc.measures.parameters import placed
from paramcalc.readers.config.read import read_config
from paramcalc.transforms.formats import in_formats

DATA = Path(__file__).parents[1] / "data" / "replaced.jsonl"
RECORDS = [json.loads(line) for line in DATA.read_text("utf-8").splitlines()]
WIDTHS = {"pack_quantized": "4", "byte_channel": "8", "byte_group": "8"}


def quantized(config):
    tree = in_formats(build(read_config(config).spec)).tree
    return [(item.tensor.format.name, item.parameters) for item in placed(tree) if item.tensor.format]


def label(record):
    settings = record["config"]["quantization_config"]
    return f"{record['library']} {record['config']['model_type']} {settings['quant_method']}"


@pytest.mark.parametrize("record", RECORDS, ids=label)
def test_the_same_matrices_are_quantized(record):
    ours = quantized(record["config"])
    if "bits" in record:
        bits = {}
        for name, weights in ours:
            width = WIDTHS[name]
            bits[width] = bits.get(width, 0) + weights
        assert bits == record["bits"]
    else:
        assert sum(weights for _, weights in ours) == record["quantized"]


def test_both_eras_and_both_libraries_are_recorded():
    assert {record["library"].split(".")[0] for record in RECORDS} == {"transformers 4", "transformers 5",
                                                                      "compressed-tensors 0"}
