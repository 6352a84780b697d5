"""Each collected record is compared, or a reason says why not."""

import pytest

from paramcalc.catalog.accelerators import find_accelerator
from tests.evidence.collected import APART, collected, counts, reasons, table, why
from tests.evidence.readme import ACCURACY, LIST, quoted, records
from tests.evidence.records import DATA

SIZES = {"inference_memory": 157, "logs": 440, "quantized": 93, "training_memory": 227, "paper_tables": 268,
         "hardware": 408, "optimizers": 33, "quant_formats": 78}
READINGS = table(DATA.parent / "catalog" / "readings.csv")
NEAR = 0.02


def test_none_is_neither_compared_nor_explained():
    assert [one for one in collected() if why(one) is None] == []
    assert {state for _, state in counts()} == {"compared", "apart"}


def test_every_record_is_there_once():
    keys = [(one.set, one.record) for one in collected()]
    assert len(set(keys)) == len(keys)
    assert {name: sum(each == name for each, _ in keys) for name in SIZES} == SIZES


def test_every_reason_is_somebodys():
    assert {one.place.removeprefix(APART) for one in collected() if one.place.startswith(APART)} == set(reasons())


def test_the_documents_quote_the_counts():
    assert quoted(ACCURACY.read_text("utf-8"), *LIST) == records(), "run `python -m tests.evidence --write`"


@pytest.mark.parametrize("row", READINGS, ids=lambda row: f"{row['record']}: {row['accelerator']} {row['field']}")
def test_a_reading_is_the_catalogs_or_explained(row):
    device, value = find_accelerator(row["accelerator"]), float(row["value"])
    figures = {
        "memory": [device.memory_bytes], "usable": [device.capacity_bytes], "bandwidth": [device.bandwidth],
        "power": [device.power_watts], "link": list(device.links.values()),
        "usable share": [(device.usable_bytes or 0) / (device.memory_bytes or 1)],
    }.get(row["field"]) or [device.flops.get(row["field"].removeprefix("flops."))]
    assert any(abs(value / each - 1) <= NEAR for each in figures if each) is (not row["why"]), figures
