"""The committed measurements of serving, as terms of the step model."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import NamedTuple

from paramcalc.catalog.accelerators import find_accelerator
from paramcalc.estimates.links import Split
from paramcalc.estimates.speed import Requests, Speed, cache_dtype
from paramcalc.estimates.step import Served
from paramcalc.measures.cache import types
from paramcalc.transforms.formats import in_formats
from tests.evidence.records import model

DATA = Path(__file__).parent.parent / "data" / "speed"


class Row(NamedTuple):
    """One measurement."""

    group: str
    model: str
    gpu: str
    runtime: str
    quant: str
    split: Split
    prompt: int
    output: int
    concurrency: float
    tpot: float
    """Seconds."""
    ttft: float | None
    prefill: float | None
    """Tokens a second of the prompt."""
    why: str
    """Why it is left out of fits."""
    source: str
    kv: str = ""
    """Format of the cache, where somebody says it."""

    @property
    def configuration(self):
        """What is fitted or left out as one."""
        return (self.model, self.gpu, self.runtime, self.quant, self.split.tp)


def table(name):
    """The rows of a file, its remarks left out."""
    text = (DATA / name).read_text("utf-8").splitlines()
    return list(csv.DictReader(line for line in text if not line.startswith("#")))


@cache
def rows():
    """All of them."""
    found = [Row("serving", r["model"], r["gpu"], r["runtime"], r["quant"],
                 Split(int(r["tp"]), 1, int(r["ep"]), int(r["dp"])), _mean(r, "prompt"), _mean(r, "output"),
                 float(r["concurrency"]), float(r["tpot_ms"]) / 1000, float(r["ttft_ms"]) / 1000, None, r["why"],
                 r["source"], r["kv"]) for r in table("serving.csv")]
    for r in table("local.csv"):
        prompt, output = int(r["prompt"]), int(r["output"])
        found.append(Row(r["set"], r["model"], r["gpu"], r["runtime"], r["quant"], Split(), max(prompt, 0),
                         max(output, 1), 1, 1 / float(r["tokens_per_second"]), None,
                         float(r["prefill_per_second"]) if r["prefill_per_second"] else None, r["why"], r["source"]))
    return tuple(found)


def _mean(row, name):
    """Tokens, on average: lengths are drawn uniformly."""
    return round(int(row[name]) * (1 + float(row["shortest"])) / 2)


@cache
def served(name, quant, split, runtime, kv=""):
    """The model of a record, its cache in what the runtime takes by itself where nothing else is said."""
    tree = in_formats(model(name), quant).tree
    return Served(tree, split, types("bf16", kv or cache_dtype(runtime, tree, "bf16")), "bf16", runtime)


def of(row):
    """The served model of a row."""
    return served(row.model, row.quant, row.split, row.runtime, row.kv)


@cache
def speed(row, known):
    """The model of a row asked by a class."""
    return Speed(of(row), find_accelerator(row.gpu), known, row.runtime, Requests(row.prompt, row.output))
