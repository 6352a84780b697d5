"""Weights and pools that SGLang and vLLM printed: `python -m tests.evidence.engines` prints the table."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, cached_property

from paramcalc.build import build
from paramcalc.estimates.inference import Prepared
from paramcalc.estimates.runtimes import vllm
from paramcalc.estimates.serving import prepare
from paramcalc.estimates.settings import ServingSettings
from paramcalc.measures.cache import Serving, needed
from paramcalc.readers.models import load
from tests.evidence.records import DATA, model
from tests.yaml_files import read_yaml

GIB = 2**30
STATED = Decimal("0.01")
"""Of theirs, both ways."""


@dataclass(frozen=True)
class Figure:
    """One printed figure, and ours, which is computed when it is asked for."""

    ids: str
    model: str
    ask: str
    theirs: str
    why: str
    row: dict
    """The record."""

    @cached_property
    def ours(self) -> Decimal:
        """Our figure, in the unit of theirs."""
        return Decimal(_ours(self.row))

    @property
    def difference(self) -> Decimal:
        """Of theirs."""
        return self.ours / Decimal(self.theirs) - 1

    @property
    def holds(self) -> bool:
        """Within 1%, or to the printed digits."""
        step = Decimal(1).scaleb(Decimal(self.theirs).as_tuple().exponent)
        return abs(self.difference) <= STATED or abs(self.ours - Decimal(self.theirs)) <= step * Decimal("0.5001")


@cache
def records():
    """All of them, and what is not asked."""
    return read_yaml(DATA / "engines.yaml")


@cache
def figures():
    """Every figure that can be asked for."""
    return tuple(Figure(row["ids"], row["model"], row["ask"], str(row["printed"]), row.get("why", ""), row)
                 for row in records()["figures"])


def _ours(row):
    prepared = prepare(_model(row), ServingSettings(context=row.get("context", 4096), **row.get("serve", {})))
    ask = row["ask"]
    if ask == "weights":
        return _gib(prepared.parts(Serving(1))[0].weights)
    if ask.startswith("pool"):
        return _pool(prepared, row)[ask.removeprefix("pool ")]
    size = _a_token(prepared, ask)
    if "budget" in row:
        return Decimal(row["budget"]) * GIB / size
    return size if row.get("unit") == "bytes" else _gib(row["entries"] * size)


def _model(row):
    return build(load(row["model"]).spec) if row.get("preset") else model(row["model"])


def _gib(size):
    return Decimal(int(size)) / GIB


def _a_token(prepared: Prepared, ask):
    """Bytes of a token, or of a request's slot, on one device."""
    size = 0
    for mixer in prepared.stages[0].kinds:
        for state in mixer.states:
            kind = "conv" if "kernel" in state.axes else "states" if state.per == "sequence" else (
                "window" if state.window else "full")
            part = {"cache": kind == "full", "keys": kind == "full" and state.name == "k"}.get(ask, kind == ask)
            if part:
                cache_types = prepared.cache_types
                row = cache_types.compute.row(needed(state)) if kind in ("states", "conv") else cache_types.row(state)
                size += mixer.layers * state.used * row // state.stride
    return size


def _pool(prepared: Prepared, row):
    options = prepared.runtime.options
    layout = vllm.pool(prepared.stages[0].kinds, prepared.cache_types, options)
    have, need, tokens = layout.capacity(int(Decimal(row["budget"]) * GIB), row["context"], 0, options)
    return {"tokens": tokens, "concurrency": have / need, "block": min(layout.blocks),
            "pages": layout.page_tokens(have)}


def text():
    """The table and its summary."""
    lines = [f"{'ids':14}{'model':24}{'asked':18}{'ours':>16}{'theirs':>14}{'off':>9}"]
    lines += [f"{row.ids:14}{row.model:24}{row.ask:18}{row.ours:16.4f}{row.theirs:>14}{100 * row.difference:>+8.2f}%  "
              f"{'' if row.holds else row.why or 'NOT EXPLAINED'}" for row in figures()]
    return "\n".join([*lines, "", f"{sum(row.holds for row in figures())} of {len(figures())} within 1%"])


if __name__ == "__main__":
    sys.stdout.write(text() + "\n")
