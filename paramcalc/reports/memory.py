"""What `memory` says: the contract's object, its tables, and a bar of a device's memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.reports.count import cache_unknown, head, headline
from paramcalc.reports.numbers import binary
from paramcalc.reports.table import Answer, Column, Table

if TYPE_CHECKING:
    from paramcalc.build import Model
    from paramcalc.estimates.inference import Memory, Parts, Prepared
    from paramcalc.estimates.machine import Machine
    from paramcalc.readers.models import Loaded

PARTS = ("weights", "cache", "activations", "overhead")
LETTERS = dict(zip(PARTS, "WCAO", strict=True))
BAR, SPILL = 60, 14


def answer(loaded: Loaded, model: Model, found: Memory, machine: Machine | None = None) -> Answer:
    """Bytes to serve, on one device and on all."""
    json = head("memory", loaded) | body(found, machine)
    json["warnings"] += beyond(model, found) + [caveat.reason for caveat in found.prepared.caveats
                                                if caveat not in model.spec.caveats]
    if cache_unknown(model):
        json["assumptions"] |= {"exact": ["weights"], "unknown": ["cache"]}
    return Answer(json, tables(model, found, machine))


def beyond(model: Model, found: Memory) -> list[str]:
    """A context longer than the model has positions for."""
    positions, context = model.spec.max_position_embeddings, found.serving.context
    if not positions or context <= positions:
        return []
    return [f"a context of {context:,} is longer than the {positions:,} positions the model was made for"]


def body(found: Memory, machine: Machine | None = None) -> dict[str, Any]:
    """The keys of the contract."""
    total, cache = found.total, found.cache
    json: dict[str, Any] = {"assumptions": assumptions(found, machine)}
    json["weights"] = {"bytes": total.weights, "known": found.prepared.weights_known, "rotary_table": found.rotary,
                       "allocator": found.slack}
    json["cache"] = {
        "bytes": cache.bytes, "bytes_per_token": cache.per_token, "kv_bytes": cache.kv_bytes,
        "state_bytes": cache.state_bytes,
        "lines": [{"name": line.name, "kind": line.kind, "layers": line.layers, "cells": line.cells,
                   "bytes": line.bytes, "bytes_per_token": line.per_token} for line in cache.lines]}
    json |= {"activations": {"bytes": total.activations}, "overhead": {"bytes": total.overhead},
             "total": {"bytes": total.total}}
    each = len(found.per_device) // len(found.stages)
    json["per_device"] = [{"device": number, "stage": number // each, **part._asdict(), "total": part.total}
                          for number, part in enumerate(found.per_device)]
    if machine is not None and (pool := machine.pool(found)) is not None:
        json["pool"] = pool._asdict()
    return json


def assumptions(found: Memory, machine: Machine | None = None) -> dict[str, Any]:
    """Everything that was taken as given."""
    prepared, setup, runtime = found.prepared, found.prepared.setup, found.prepared.runtime
    plan, held = prepared.plan, prepared.held
    kv = held.key.name if held.key.name == held.value.name else f"{held.key.name},{held.value.name}"
    said: dict[str, Any] = {
        "context": found.serving.context, "batch": found.serving.batch, "source": found.serving.source,
        "dtype": prepared.dtype, "quant": setup.quant, "formats": prepared.formats, "kv_dtype": kv,
        "runtime": {"name": runtime.name, "version": runtime.version, "source": runtime.source,
                    **runtime.options._asdict()},
        "tp": plan.tp, "pp": plan.pp, "ep": plan.ep, "devices": prepared.devices,
        "exact": [*(["weights"] if prepared.weights_known == "exact" else []), "cache"],
        "estimates": dict(runtime.profile.notes),
    }
    if machine is not None:
        said["gpu"] = {"name": machine.device.name, "bytes": machine.capacity, "usable_bytes": machine.usable}
    return said


def tables(model: Model, found: Memory, machine: Machine | None) -> tuple[Table, ...]:
    """The parts, the cache by kind, the devices where they differ, and the bar."""
    return (_parts(model, found, machine), *_cache(found), *_devices(found))


def _parts(model: Model, found: Memory, machine: Machine | None) -> Table:
    total = found.total
    said: dict[str, str] = {"weights": found.prepared.weights_known, "cache": "exact", "activations": "estimate",
                            "overhead": "estimate"}
    if why := cache_unknown(model):
        said["cache"] = why
    rows = tuple((name, getattr(total, name), getattr(total, name), said[name]) for name in PARTS)
    columns = (Column("part"), Column("bytes", "bytes"), Column("share", "share"), Column(""))
    notes = [_conditions(found)]
    if machine is not None:
        notes = [*bar(fullest(found), machine.capacity, machine.usable, machine.device.name), *notes]
        if (pool := machine.pool(found)) is not None:
            notes.append(f"reserves {binary(pool.bytes)} a device for {pool.tokens:,} tokens: "
                         f"{pool.requests_per_thousand / 1000:.2f} requests of {found.serving.context:,} at once")
    notes += beyond(model, found) + [f"{name}: {text}" for name, text in found.prepared.runtime.profile.notes]
    return Table(headline(model), columns, rows, ("total", total.total, total.total, ""), tuple(notes))


def _conditions(found: Memory) -> str:
    prepared, serving = found.prepared, found.serving
    kv, plan = prepared.held.key.name, prepared.plan
    value = prepared.held.value.name
    said = [f"{prepared.runtime.name}", f"context {serving.context:,}", f"batch {serving.batch:,}",
            f"weights {held_in(prepared)}", f"cache {kv if kv == value else f'{kv} and {value}'}"]
    if prepared.devices > 1:
        said.append(f"{prepared.devices} devices (tp {plan.tp}, pp {plan.pp}, ep {plan.ep})")
    said.append(f"{found.cache.per_token:,} bytes for one more token")
    return " · ".join(said)


def held_in(prepared: Prepared) -> str:
    """The formats of the weights, the one most bytes are in first."""
    return ", ".join(sorted(prepared.formats, key=lambda name: -prepared.formats[name]))


def _cache(found: Memory) -> tuple[Table, ...]:
    lines = found.cache.lines
    if not lines:
        return ()
    columns = (Column("cache"), Column("layers", "exact"), Column("cells", "exact"), Column("bytes", "bytes"))
    rows = tuple((line.name, line.layers, line.cells, line.bytes) for line in lines)
    return (Table("what is kept between tokens", columns, rows),)


def _devices(found: Memory) -> tuple[Table, ...]:
    if len(found.per_device) == 1:
        return ()
    each = len(found.per_device) // len(found.stages)
    columns = (Column("device"), *(Column(name, "bytes") for name in (*PARTS, "total")))
    rows = tuple((_numbers(stage * each, each), *part, part.total) for stage, part in enumerate(found.stages))
    return (Table("each device", columns, rows),)


def _numbers(first: int, count: int) -> str:
    return str(first) if count == 1 else f"{first} to {first + count - 1}"


def fullest(found: Memory) -> Parts:
    """The device that holds most."""
    return max(found.stages, key=lambda part: part.total)


def bar(part: Parts, capacity: int, usable: int, name: str) -> list[str]:
    """A device's memory by part, a letter for each, against what it has; what does not fit stands beyond the edge."""
    marks = ""
    filled = 0
    for key in PARTS:
        filled += getattr(part, key)
        marks += LETTERS[key] * (-(-filled * BAR // capacity) - len(marks))
    inside, beyond = marks[:BAR], marks[BAR:BAR + SPILL] + (">" if len(marks) > BAR + SPILL else "")
    edge = usable * BAR // capacity
    free = "".join("." if place < edge else "-" for place in range(len(inside), BAR))
    legend = " ".join(f"{LETTERS[key]} {key}" for key in PARTS)
    left = usable - part.total
    state = f"{binary(left)} free" if left >= 0 else f"{binary(-left)} too much"
    return [f"[{inside}{free}]{beyond}", f" {legend} . free" + ("  - not to be used" if usable < capacity else ""),
            f" {binary(part.total)} of {binary(capacity)}, {state}   {name}"]
