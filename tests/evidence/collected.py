"""What became of each collected record: `python -m tests.evidence.collected` prints how many are compared, by set."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from typing import NamedTuple

from paramcalc.catalog.formats import find_format
from paramcalc.catalog.optimizers import optimizers
from tests.evidence.records import DATA
from tests.yaml_files import read_yaml

ROOT = DATA.parent.parent.parent
APART = "- "
"""Before the name of a reason."""
SPEED = ("published", "gpu", "tokens_per_second")


class Collected(NamedTuple):
    """One record and where it is compared, or why it is not."""

    set: str
    record: str
    what: str
    place: str


@cache
def collected():
    """All records, in the order of the file."""
    return tuple(Collected(**row) for row in table(DATA / "collected.csv"))


@cache
def reasons():
    """Names of reasons to what they say."""
    return read_yaml(DATA / "collected.yaml")


def table(path: Path):
    """Rows of a CSV file with comments before its header."""
    lines = path.read_text("utf-8").splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def why(one):
    """Why a record is not compared; empty where it is, None where its place is nowhere."""
    if one.place.startswith(APART):
        return reasons().get(one.place.removeprefix(APART))
    name, _, entry = one.place.partition(" ")
    if name.endswith(".py"):
        return "" if (ROOT / name).is_file() and not entry else None
    return entries(name).get(entry)


@cache
def entries(name):
    """Entries of a committed table to why they are not compared, which is empty where they are."""
    return {entry: apart for entry, apart in _entries(name)}  # noqa: C416 - from pairs


def _entries(name):
    match name:
        case "optimizers":
            yield from ((key, "") for key in optimizers())
        case "formats":
            yield from ((key, "") for row in collected() if row.place.startswith("formats ")
                        for key in [row.place.partition(" ")[2]] if find_format(key))
        case "readings.csv":
            yield from ((row["record"], "") for row in table(DATA.parent / "catalog" / name))
        case "gguf_types.yaml":
            yield from ((row["type"], "") for row in read_yaml(DATA.parent / "catalog" / name))
        case "local.csv":
            yield from ((" ".join(row[key] for key in SPEED), "") for row in table(DATA.parent / "speed" / name))
        case "gguf_sizes.yaml":
            yield from ((f"{row['model']} {row['mix']}", "") for row in read_yaml(DATA / name)["records"])
        case "zero_table1.yaml":
            yield "", ""
        case "flops.yaml":
            yield from ((key, "") for key in read_yaml(DATA / name))
        case "engines.yaml" | "placement.yaml":
            yield from _printed(read_yaml(DATA / name))
        case _:
            yield from ((row["id"], row.get("outside", "") if "quantized" in name else "")
                        for row in read_yaml(DATA / name))


def _printed(record):
    """Lines by the ids of their records, and those that stand apart."""
    lines = [line["id"] for run in record.get("runs", ()) for line in run["lines"]]
    for ids in (*lines, *(row["ids"] for row in record.get("figures", ()))):
        yield from ((each, "") for each in ids.split())
    for group in record["apart"]:
        yield from ((each, group["why"]) for each in group["ids"])


def counts():
    """Sets to how many records are compared and how many are not, with a reason."""
    return Counter((one.set, "compared" if why(one) == "" else "apart" if why(one) else "neither")
                   for one in collected())


def text():
    """The table of the documents."""
    numbers = counts()
    lines = ["| collected records | compared | not, with a reason | neither |", "|---|---:|---:|---:|"]
    for name in dict.fromkeys(one.set for one in collected()):
        lines.append("| " + " | ".join((name.replace("_", " "), *(
            f"{numbers[name, state]:,}" for state in ("compared", "apart", "neither")))) + " |")
    total = [sum(number for (_, each), number in numbers.items() if each == state)
             for state in ("compared", "apart", "neither")]
    return "\n".join([*lines, "| all | " + " | ".join(f"{number:,}" for number in total) + " |"])


if __name__ == "__main__":
    sys.stdout.write(text() + "\n")
