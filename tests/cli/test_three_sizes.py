"""On disk, loaded, reserved: three words for size, on every face of what people compare with a file or a log."""

import csv
import io
import json

import pytest

from paramcalc.cli.main import run

ON = ("--gpu", "h100", "--runtime", "vllm")
DISK, IN_MEMORY, RESERVED = 16_060_522_496, 16_094_076_928, 76_968_728_985


def table_of(capsys, *words):
    assert run(list(words)) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("face", ["table", "markdown", "html"])
@pytest.mark.parametrize("command", ["memory", "fit"])
def test_the_three_words(capsys, command, face):
    text = table_of(capsys, command, "llama-3.1-8b", *ON, "--format", face)
    assert "on disk 16.06 GB (14.96 GiB) · loaded 14.99 GiB · reserved 71.68 GiB" in text


def test_in_json(capsys):
    for command in ("memory", "fit"):
        document = json.loads(table_of(capsys, command, "llama-3.1-8b", *ON, "--json"))
        assert (document["weights"]["on_disk"], document["weights"]["bytes"], document["reserved"]["bytes"]) == (
            DISK, IN_MEMORY, RESERVED)


def test_in_csv(capsys):
    row, = csv.DictReader(io.StringIO(table_of(capsys, "fit", "llama-3.1-8b", *ON, "--format", "csv")))
    assert [int(row[f"{name}_bytes"]) for name in ("on_disk", "loaded", "reserved")] == [DISK, IN_MEMORY, RESERVED]
    row, = csv.DictReader(io.StringIO(table_of(capsys, "memory", "llama-3.1-8b", *ON, "--format", "csv")))
    assert [int(row[name]) for name in ("on_disk_of_all", "weights", "reserved")] == [DISK, IN_MEMORY, RESERVED]


@pytest.mark.parametrize(("options", "words"), [
    ((), "total as allocated"), (("--tp", "2"), "total as reserved, 8% beyond allocated"),
    (("--dp", "8", "--zero", "3"), "total as reserved, fully_shard's pools in it")])
def test_train_says_what_its_total_is(capsys, options, words):
    assert table_of(capsys, "train", "llama-3.1-8b", *options).rstrip().endswith(words)
