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
NAMED = {"gpt-oss-dev": "1.0"}
"""Releases that images without a number are of: `serving.csv` says where that stands."""
PROMPTS = {"lm-arena-chat": 500, "gpqa": 200, "sourcegraph-fim": 1200}
"""Tokens of prompts in a closed loop, which its measurements do not say: assumed, see `tests.evidence.energy`."""
QUANTS = {"bfloat16": "none", "fp8": "fp8", "mxfp4": "mxfp4"}
CLOSED_LOOP = "energy.csv#"
"""Start of the sources of those rows."""
CLOSED_LOOP_RELEASE = "0.11.1"
"""ml-energy/benchmark@c1d6557:mlenergy/benchmark/llm/benchmark.py, server_image."""


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
    release: str = ""
    """Of the runtime, where somebody says it by number."""

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
    """All but those of `closed_loop`."""
    records = [Row("serving", r["model"], r["gpu"], r["runtime"], r["quant"],
                   Split(int(r["tp"]), 1, int(r["ep"]), int(r["dp"])), _mean(r, "prompt"), _mean(r, "output"),
                   float(r["concurrency"]), float(r["tpot_ms"]) / 1000, float(r["ttft_ms"]) / 1000, None, r["why"],
                   r["source"], r["kv"], _release(r["version"])) for r in table("serving.csv")]
    for r in table("local.csv"):
        prompt, output = int(r["prompt"]), int(r["output"])
        records.append(Row(r["set"], r["model"], r["gpu"], r["runtime"], r["quant"], Split(), max(prompt, 0),
                           max(output, 1), 1, 1 / float(r["tokens_per_second"]), None,
                           float(r["prefill_per_second"]) if r["prefill_per_second"] else None, r["why"], r["source"]))
    return tuple(records)


@cache
def holdout_ratios():
    """Sources of rows in a closed loop to expected over measured, their configuration left out of the fit."""
    return {row["source"]: float(row["ratio"]) for row in table("left_out_ratios.csv")
            if row["source"].startswith(CLOSED_LOOP)}


@cache
def closed_loop(longer=1.0):
    """Servers with a power meter, with prompts so many times as long as assumed."""
    records = []
    for place, r in enumerate(table("energy.csv")):
        replicas, sequences = int(r["dp"]), float(r["batch"])
        split = Split(int(r["gpus"]) // replicas, 1, int(r["ep"]), replicas)
        records.append(Row("closed loop", r["model"], r["gpu"], "vllm", QUANTS[r["weights"]], split,
                           max(1, round(PROMPTS[r["task"]] * longer)), int(r["output"]), sequences,
                           sequences / float(r["tokens_per_second"]), None, None, "", f"{CLOSED_LOOP}{place}", "",
                           CLOSED_LOOP_RELEASE))
    return tuple(records)


def _release(version):
    """A release by its number; empty for nightly images."""
    version = NAMED.get(version, version)
    return version if version[:1].isdigit() else ""


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
def speed(row, kind):
    """The model of a row asked by a class."""
    return Speed(of(row), find_accelerator(row.gpu), kind, row.runtime, Requests(row.prompt, row.output))
