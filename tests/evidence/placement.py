"""Buffers llama.cpp printed for its cards and the host: `python -m tests.evidence.placement` prints the table."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, cached_property, partial
from typing import Any

from paramcalc.estimates.offload.pieces import pieces
from paramcalc.estimates.offload.placement import Load, Placement, places
from paramcalc.estimates.runtimes import Runtime
from paramcalc.measures.cache import Serving, types
from paramcalc.transforms.formats import in_formats
from tests.evidence.records import DATA, model
from tests.yaml_files import read_yaml

MIB = 2**20
STATED = Decimal("0.1")
"""Of a compute buffer, both ways."""
PADDED = Decimal("0.1")
"""MiB that allocators pad quantized caches and small tensors by, a buffer."""


@dataclass(frozen=True)
class Line:
    """One printed line; ours is computed when it is asked for."""

    run: str
    device: str
    part: str
    theirs: str
    why: str
    printed: dict
    """The line of the record."""
    places: Callable[[], Any]
    """What our placement of its run holds, computed once for all lines of the run."""

    @cached_property
    def ours(self) -> Decimal:
        """Ours, in MiB."""
        return Decimal(_ours(self.places(), self.printed)) / MIB

    @property
    def difference(self) -> Decimal:
        """Of theirs."""
        return self.ours / Decimal(self.theirs) - 1

    @property
    def exact(self) -> bool:
        """Whether ours is meant to be exact."""
        return self.part != "compute"

    @property
    def holds(self) -> bool:
        """Exact parts to the printed digits, estimates within `STATED`."""
        if not self.exact:
            return abs(self.difference) <= STATED
        return abs(self.ours - Decimal(self.theirs)) <= PADDED


@cache
def runs():
    """All records."""
    return read_yaml(DATA / "placement.yaml")


@cache
def lines():
    """Every printed line of the runs that can be asked for."""
    return tuple(line for run in runs()["runs"] for line in _lines(run))


def _lines(run):
    placed = cache(partial(_placed, run))
    for line in run["lines"]:
        yield Line(run["id"], str(line["device"]), line["part"], line["printed"], line.get("why", ""), line, placed)


def _placed(run):
    runtime = Runtime("llama.cpp", run.get("settings", ()))
    cache_types = types("bf16", run.get("kv_dtype", "fp16"))
    tree = in_formats(model(run["model"]), run["quant"]).tree
    load = Load(runtime.options, Serving(run["context"], run.get("batch", 1)), cache_types)
    placement = Placement(run["gpu_layers"], run.get("cpu_moe", 0), tuple(run.get("split", (1,))))
    return places(pieces(tree, "bf16"), placement, load)


def _ours(placement, line):
    every = (*placement.cards, placement.host)
    if line["part"] == "all_cache":
        return sum(place.cache for place in every)
    place = placement.host if line["device"] == "host" else placement.cards[line["device"]]
    return {"weights": place.weights, "mapped": place.mapped, "cache": place.cache, "states": place.states,
            "compute": place.compute, "output": place.logits}[line["part"]]


def text():
    """The table and its summary."""
    out = [f"{'run':20}{'device':8}{'part':10}{'ours':>12}{'theirs':>12}{'off':>9}"]
    for line in lines():
        mark = "" if line.holds else line.why or "NOT EXPLAINED"
        out.append(f"{line.run:20}{line.device:8}{line.part:10}{line.ours:12.2f}{line.theirs:>12}"
                   f"{100 * line.difference:>+8.2f}%  {mark}")
    exact, guessed = [row for row in lines() if row.exact], [row for row in lines() if not row.exact]
    return "\n".join([*out, "", f"{sum(row.holds for row in exact)} of {len(exact)} exact lines agree, "
                      f"{sum(row.holds for row in guessed)} of {len(guessed)} compute buffers within 10%"])


if __name__ == "__main__":
    sys.stdout.write(text() + "\n")
