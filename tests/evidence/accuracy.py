"""How far speed, training and energy are off, group by group: `python -m tests.evidence.accuracy` prints the table.

Time a token, training steps and energy of models of experts are those of configurations that were left out of the fit;
whole runs and the energy of dense models were measured elsewhere and nothing was fitted to them but the one factor
between tuned steps and whole runs, of which the run's own family is left out, and the share of the power drawn by load.
"""

from __future__ import annotations

import sys
from functools import cache
from statistics import median
from typing import NamedTuple

from paramcalc import hfu, mfu
from tests.evidence.elsewhere import points
from tests.evidence.energy import metered
from tests.speed.fit_training import fitted, holdout, holdout_runs
from tests.speed.records import CLOSED_LOOP, table
from tests.speed.training import mpt, published_runs

MEGATRON = ("llama-3.1-405b", "deepseek-v3", "qwen3-235b-a22b", "qwen3-30b-a3b", "gpt-oss-120b", "kimi-k2")
PEAKS = {"h100": 989e12, "a100-40gb": 312e12, "a100-80gb": 312e12}
"""As llm-foundry takes them."""
KINDS = {"products": "dense", "experts": "experts"}


class Compared(NamedTuple):
    """A group of figures: ours over theirs, less one."""

    name: str
    differences: tuple[float, ...]

    @property
    def off(self) -> list[float]:
        """How far each is off, above or below, the nearest first."""
        return sorted(map(abs, self.differences))

    @property
    def median(self) -> float:
        """Of how far they are off."""
        return median(self.off)

    @property
    def most(self) -> float:
        """What nine of ten are not further off."""
        return self.off[int(0.9 * len(self.off))]

    @property
    def bias(self) -> float:
        """The median with its sign."""
        return median(self.differences)

    def within(self, share: float) -> int:
        """How many are no further off."""
        return sum(one <= share for one in self.off)


@cache
def served(closed=False):
    """Classes of runtimes to the differences of their time a token; `closed`: those of a closed loop among them, which
    are a group of their own."""
    errors: dict[str, list[float]] = {}
    for row in table("left_out_ratios.csv"):
        if closed or not row["source"].startswith(CLOSED_LOOP):
            errors.setdefault(row["class"], []).append(float(row["ratio"]) - 1)
    return errors


@cache
def trained():
    """Devices, arithmetic and kind of model to the differences of their steps, and whole runs."""
    errors = {}
    for (devices, arithmetic, kind), (values, measured, products, plain) in fitted().items():
        off = holdout(values, measured, products, plain, lambda each: each.name.split(" seq")[0])
        if len(off) > 4:
            errors[f"{devices}, {KINDS[kind]}, {arithmetic}"] = off
    return errors


@cache
def utilization():
    """Models to the differences of the utilization that frameworks print of them, by their own convention: TFLOP/s of
    Megatron-Bridge, MFU and HFU of llm-foundry."""
    errors = {}
    for row in table("training_recipes.csv"):
        if row["model"] in MEGATRON and row["tflops"]:
            twice = 2 * float(row["tflops"]) * 1e12  # of a peak that is all used `mfu` would warn
            ours = mfu(row["model"], float(row["tokens_per_second"]), twice, seq=int(row["seq"]),
                       convention="megatron-bridge", mtp=row["model"] == "deepseek-v3")
            errors.setdefault(f"Megatron-Bridge, {row['model']}", []).append(2 * ours - 1)
    for row in table("training_rates.csv"):
        settings = (mpt(row["model"]), float(row["tokens_per_second"]), PEAKS[row["gpu"]], int(row["gpus"]))
        seq = int(row["seq"])
        ours = {"mfu": mfu(*settings, seq=seq, convention="llm-foundry"),
                "hfu": hfu(*settings, seq=seq, convention="llm-foundry", recompute=row["recompute"])}
        for name, value in ours.items():
            errors.setdefault(f"llm-foundry, {name.upper()}, {row['model']}", []).append(
                100 * value / float(row[name]) - 1)
    return errors


@cache
def runs():
    """Differences of the hours of whole runs, their family left out of the factor between steps and runs."""
    return holdout_runs(list(published_runs()))


def groups():
    """Every group, as the guide shows them."""
    for name, differences in served().items():
        yield Compared(f"time a token, {name}", tuple(differences))
    yield Compared("time a token, other public benchmarks", tuple(one.difference for one in points()))
    for name, differences in trained().items():
        yield Compared(f"training step, {name}", tuple(differences))
    yield Compared("device-hours of whole runs", tuple(runs()))
    for name, differences in utilization().items():
        yield Compared(f"printed utilization, {name}", tuple(differences))
    for name, moe in (("dense", False), ("experts", True)):
        rows = [row for row in metered() if row.moe is moe]
        yield Compared(f"tokens a second, ML.ENERGY, {name}", tuple(row.rate for row in rows))
        yield Compared(f"joules a token, ML.ENERGY, {name}", tuple(row.joules for row in rows))


def summaries():
    """The groups the README quotes, with how far off is near enough."""
    def pooled(name, belongs):
        return Compared(name, tuple(one for key, values in served().items() if belongs(key) for one in values))

    yield pooled("time a token of servers, dense models", lambda key: " dense" in key), 0.2
    yield pooled("time a token of servers, experts", lambda key: " moe" in key), 0.3
    yield pooled("time a token of llama.cpp", lambda key: key.startswith("llama.cpp")), 0.2
    yield Compared("steps of training", tuple(one for values in trained().values() for one in values)), 0.3
    yield Compared("device-hours of whole training runs", tuple(runs())), 0.25
    yield Compared("joules a token of servers", tuple(row.joules for row in metered())), 0.4


def _few(share):
    return f"{share:.1%}" if share < 0.02 else f"{share:.0%}"


def text():
    """The table of the guide."""
    lines = ["| figure | measurements | median off | nine of ten within | bias |",
             "| --- | ---: | ---: | ---: | ---: |"]
    lines += [f"| {one.name} | {len(one.differences)} | {one.median:.1%} | {_few(one.most)} | {one.bias:+.0%} |"
              for one in groups()]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(text() + "\n")
