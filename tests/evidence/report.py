"""Ours and theirs, figure by figure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cache, cached_property

from paramcalc.build import build
from paramcalc.catalog.formats import find_format
from paramcalc.estimates.inference import Prepared, Setup, memory
from paramcalc.estimates.runtimes import Runtime, vllm
from paramcalc.measures.cache import Serving
from paramcalc.measures.parameters import placed
from paramcalc.measures.weights import most_unpacked, tensor_bytes
from paramcalc.spec.model import ModelSpec
from tests.evidence.records import Record, model, records

UNITS = {"mib": 2**20, "gib": 2**30, "gb": 10**9, "cells": 1, "tokens": 1, "concurrency": 1, "token": 1}
STATED = 0.05
"""Of theirs: what an estimate of a buffer or a process may be off, both ways."""
ESTIMATES = ("compute", "total", "peak", "beside", "allocated")
POOL = ("kv_tokens", "concurrency", "page_tokens", "block_tokens")


@dataclass(frozen=True)
class Row:
    """One figure of one record; ours is computed when it is asked for."""

    record: Record
    figure: str
    theirs: str

    @cached_property
    def ours(self) -> float:
        """Our value, in the figure's unit."""
        return ours(self.record, self.figure)

    @property
    def exact(self) -> bool:
        """Whether ours is meant to be exact."""
        return not self.figure.startswith(ESTIMATES)

    @property
    def difference(self) -> float:
        """Of theirs: negative where ours is less."""
        return self.ours / float(self.theirs) - 1

    @property
    def holds(self) -> bool:
        """To the printed digits; weights within 0.1%, pools within 1%; estimates within `STATED` of theirs, above or
        below."""
        if not self.exact:
            return abs(self.difference) <= STATED
        if self.figure in POOL or self.record.available_gib:
            return abs(self.difference) <= (0.001 if self.figure == "weights_gib" else 0.01)
        if self.figure == "weights_gib":
            return abs(self.difference) <= 0.001
        step = Decimal(1).scaleb(Decimal(self.theirs).as_tuple().exponent)
        return abs(Decimal(self.ours) - Decimal(self.theirs)) <= step * Decimal("0.5001")


@cache
def rows():
    """Every figure of every record."""
    return [Row(record, name, theirs)
            for record in records() for name, theirs in record.figures.items()]


def ours(record, figure):
    """Our value, in the figure's unit."""
    prediction = answer(record)
    if figure in POOL:
        return pool(record, prediction)[figure]
    lines = prediction.cache.lines
    stage = max(prediction.stages, key=lambda part: part.total)
    part, _, unit = figure.rpartition("_")
    reaching = [line for line in lines if line.kind == "kv" and ("window" in line.name or "chunks" in line.name)]
    full = [line for line in lines if line.kind == "kv" and line not in reaching]
    states = [line for line in lines if line.kind == "state"]
    if unit == "cells":
        return {"full": full, "swa": reaching}[part][0].cells
    each = len(prediction.per_device) // len(prediction.stages)
    size = {
        "kv": lambda: prediction.cache.kv_bytes // each, "k": lambda: prediction.cache.kv_bytes // each // 2,
        "full": lambda: _bytes(full), "swa": lambda: _bytes(reaching),
        "rs": lambda: _bytes(states) // each, "r": lambda: _bytes(s for s in states if s.name == "conv") // each,
        "s": lambda: _bytes(s for s in states if s.name != "conv") // each,
        "weights": lambda: stage.weights, "compute": lambda: stage.activations, "total": lambda: stage.total,
        "beside": lambda: stage.total - stage.cache, "peak": lambda: stage.weights + stage.activations,
        "allocated": lambda: stage.total - stage.overhead + sum(
            more(record, prediction.prepared) for more in (_replicated, _copies)),
        "bytes_per": lambda: prediction.cache.per_token // each,
    }[part]()
    return size / UNITS[unit]


def answer(record):
    """Our memory of a record."""
    runtime = Runtime(record.runtime, record.settings)
    setup = Setup(record.dtype, record.quant, record.kv_dtype, record.tp, record.pp)
    served = model(record.model)
    if record.set:
        served = build(ModelSpec.model_validate(served.spec.model_dump(exclude_unset=True) | record.set))
    return memory(Prepared(served, runtime, setup), Serving(record.context, record.batch))


def _replicated(record, prepared):
    """Bytes of what the fullest device holds whole, beside its share: of a pipeline all, as its stage has none."""
    size = sum(item.stored * tensor_bytes(item.tensor, find_format(record.dtype)) for item in placed(prepared.tree)
               if item.tensor.component in record.beside)
    return size if record.pp else size - size // (record.tp or 1)


def _copies(record, prepared):
    """Bytes of copies of the largest matrix that a prompt is multiplied by, beyond the one that is counted."""
    counted = max(each.unpacked for each in prepared.stages)
    most = max(counted, most_unpacked(prepared.tree) if "lm_head" in record.beside else 0)
    return 2 * (record.copies * most - counted)


def pool(record, prediction):
    """What a pool of the size the log gives holds."""
    prepared, options = prediction.prepared, prediction.prepared.runtime.options
    layout = vllm.pool(prepared.stages[0].kinds, prepared.cache_types, options)
    block = {"block_tokens": min(layout.blocks)}
    if record.available_gib is None:
        return block
    have, need, tokens = layout.capacity(int(Decimal(record.available_gib) * 2**30), record.context, record.context,
                                         options)
    return block | {"kv_tokens": tokens, "concurrency": have / need, "page_tokens": layout.page_tokens(have)}


def _bytes(lines):
    return sum(line.bytes for line in lines)


def text(rows):
    """The table, a line a figure, and its summary."""
    out = [f"{'record':<36} {'figure':<16} {'ours':>14} {'theirs':>12} {'difference':>11}"]
    for row in rows:
        mark = "" if row.holds else f"  {row.record.why.get(row.figure, 'NOT EXPLAINED')}"
        out.append(f"{row.record.id:<36} {row.figure:<16} {row.ours:>14,.4f} {row.theirs:>12} "
                   f"{100 * row.difference:>+10.2f}%{mark}")
    return "\n".join([*out, "", summary(rows)])


def summary(rows):
    """How many hold, and how far the estimates are off."""
    exact, guessed = [r for r in rows if r.exact], [r for r in rows if not r.exact]
    worst = min(guessed, key=lambda row: row.difference)
    mean = sum(abs(row.difference) for row in guessed) / len(guessed)
    return (f"{sum(r.holds for r in exact)} of {len(exact)} exact figures agree to the printed digits (weights within "
            f"0.1%, pools within 1%); {len(guessed)} estimates are {100 * mean:.1f}% off in the mean, at worst "
            f"{100 * worst.difference:+.1f}% ({worst.record.id}, {worst.figure})")
