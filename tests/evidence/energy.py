"""Serving in a closed loop with a power meter, ours and measured: `python -m tests.evidence.energy` prints a summary.

The measurements do not say how long prompts were: `PROMPTS` are assumptions, and twice or half of them says what that
costs. In chats each turn's prompt holds all turns before it (ml-energy/benchmark@c1d6557:mlenergy/benchmark/llm/
datasets.py, LMArenaHumanPreferenceDataset); the same benchmark's synthetic chats have 500 tokens in the mean
(workloads.py, LengthControl).
"""

from __future__ import annotations

import sys
from functools import cache
from statistics import median
from typing import NamedTuple

from paramcalc.catalog.accelerators import find_accelerator
from paramcalc.catalog.speed import speed_class
from paramcalc.errors import PCError
from paramcalc.estimates.links import Split
from paramcalc.estimates.speed import Requests, Speed
from tests.speed.records import served, table

PROMPTS = {"lm-arena-chat": 500, "gpqa": 200, "sourcegraph-fim": 1200}
QUANTS = {"bfloat16": "none", "fp8": "fp8", "mxfp4": "mxfp4"}


class Metered(NamedTuple):
    """One measurement and what is said of it: ours over theirs, less one."""

    name: str
    moe: bool
    rate: float
    joules: float
    inside: bool
    """Whether the joules lie in the printed range."""


@cache
def metered(longer=1.0):
    """Every row, with prompts so many times as long as assumed."""
    found = []
    for row in table("energy.csv"):
        replicas = int(row["dp"])
        split = Split(int(row["gpus"]) // replicas, 1, int(row["ep"]), replicas)
        device = find_accelerator(row["gpu"])
        try:
            model = served(row["model"], QUANTS[row["weights"]], split, "vllm")
            known = speed_class("vllm", model.moe, device)
            requests = Requests(max(1, round(PROMPTS[row["task"]] * longer)), int(row["output"]))
            point = Speed(model, device, known, "vllm", requests).point(max(1, round(float(row["batch"]))))
        except PCError:
            continue
        theirs = float(row["joules"])
        found.append(Metered(
            f"{row['model']} {row['gpu']} {row['batch']}", model.moe,
            point.tokens_per_second.expected / float(row["tokens_per_second"]) - 1,
            point.joules_per_token.expected / theirs - 1,
            point.joules_per_token.low <= theirs <= point.joules_per_token.high))
    return tuple(found)


def summary(longer=1.0):
    """Kind of model to rows, median error of tokens a second and of joules a token, their bias, share inside."""
    return {kind: (len(rows), median(abs(row.rate) for row in rows), median(abs(row.joules) for row in rows),
                   median(row.rate for row in rows), median(row.joules for row in rows),
                   sum(row.inside for row in rows) / len(rows))
            for kind, moe in (("dense", False), ("moe", True))
            for rows in [[row for row in metered(longer) if row.moe is moe]]}


if __name__ == "__main__":
    for longer in (0.5, 1.0, 2.0):
        for kind, (count, rate, joules, rate_bias, joules_bias, inside) in summary(longer).items():
            sys.stdout.write(f"prompts × {longer:g} {kind:6} {count:4} tokens/s {rate:6.1%} ({rate_bias:+.1%}) "
                             f"joules {joules:6.1%} ({joules_bias:+.1%}) inside {inside:4.0%}\n")
