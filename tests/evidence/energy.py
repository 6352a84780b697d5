"""Serving in a closed loop with a power meter, ours and measured: `python -m tests.evidence.energy` prints a summary.

The measurements do not say how long prompts were: twice or half of what is assumed says what that costs. In chats each
turn's prompt holds all turns before it (ml-energy/benchmark@c1d6557:mlenergy/benchmark/llm/datasets.py,
LMArenaHumanPreferenceDataset); the same benchmark's synthetic chats have 500 tokens in the mean (workloads.py,
LengthControl). Nothing was fitted to dense models here; ours of models of experts are those of fits that left the
configuration out.
"""

from __future__ import annotations

import sys
from functools import cache
from statistics import median
from typing import NamedTuple

from paramcalc.catalog.accelerators import find_accelerator
from paramcalc.catalog.speed import speed_class
from paramcalc.errors import PCError
from tests.speed.records import closed_loop, holdout_ratios, of, speed, table


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
    rows = []
    for row, plain, record in zip(closed_loop(longer), closed_loop(), table("energy.csv"), strict=True):
        try:
            predicted, moe = _point(row), of(row).moe
        except PCError:
            continue
        theirs = float(record["joules"])
        factor = _holdout_ratio(plain)
        rows.append(Metered(
            f"{row.model} {row.gpu} {record['batch']}", moe,
            predicted.tokens_per_second.expected / float(record["tokens_per_second"]) / factor - 1,
            predicted.joules_per_token.expected * factor / theirs - 1,
            predicted.joules_per_token.low <= theirs <= predicted.joules_per_token.high))
    return tuple(rows)


def _point(row):
    """What is said of a row."""
    speed_kind = speed_class(row.runtime, of(row).moe, find_accelerator(row.gpu), row.release)
    return speed(row, speed_kind).point(max(1, round(row.concurrency)))


def _holdout_ratio(row):
    """Time a token by a fit that left the configuration out, over that of the fit of all."""
    ratios = holdout_ratios()
    return ratios[row.source] * row.tpot / _point(row).tpot.expected if row.source in ratios else 1.0


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
