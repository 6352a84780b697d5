"""What `memory` says: the contract's object, its tables, and a bar of a device's memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.measures.header_certainty import cache_unknown
from paramcalc.numbers import binary, in_file, many
from paramcalc.reports.certainty import missing, total_label
from paramcalc.reports.count import headline
from paramcalc.reports.table import Column, Gauge, Table

if TYPE_CHECKING:
    from paramcalc.answers.memory import Memory, WeightBytes
    from paramcalc.estimates import inference
    from paramcalc.estimates.inference import Parts, Prepared
    from paramcalc.estimates.machine import Machine

PARTS = ("weights", "cache", "activations", "overhead")


def tables(answer: Memory) -> tuple[Table, ...]:
    """The parts, the cache by kind, the devices where they differ, and the bar."""
    return (_parts(answer), *_cache(answer.result), *_devices(answer.result))


def csv_rows(answer: Memory) -> Table:
    """A row for each device."""
    names = ("device", "stage", *PARTS, "total", "reserved", "on_disk_of_all", "known", "uncounted")
    return Table("", tuple(map(Column, names)), tuple(
        (*device, reserved_each(answer), answer.weights.on_disk, answer.whole.known, "; ".join(answer.uncounted))
        for device in answer.per_device))


def reserved_each(answer: Memory) -> int | None:
    """Bytes that a runtime takes of each device whatever is served; None where it takes what it needs."""
    return answer.reserved.bytes // len(answer.per_device) if answer.reserved else None


def three_sizes(answer: Memory) -> str:
    """What the files take, what weights take once loaded, and what a runtime then takes of all devices."""
    reserved = f" · reserved {binary(answer.reserved.bytes)}" if answer.reserved else ""
    return f"{stored(answer.weights)} · loaded {binary(answer.total.weights)}{reserved}"


def stored(weights: WeightBytes) -> str:
    """Size of the checkpoint's files, with the share of the vocabulary where it is large."""
    head = f", about {in_file(weights.file_head).partition(' (')[0]} of it vocabulary" if weights.file_head else ""
    return f"on disk {in_file(weights.on_disk)}{head}"


def _parts(answer: Memory) -> Table:
    result, machine, total = answer.result, answer.machine, answer.total
    levels_of: dict[str, str] = {name: getattr(answer, name).known for name in PARTS}
    if why := cache_unknown(answer.built):
        levels_of["cache"] = f"unknown: {why}"
    rows = tuple((name, getattr(total, name), getattr(total, name), levels_of[name]) for name in PARTS)
    columns = (Column("part"), Column("bytes", "bytes"), Column("share", "share"), Column("known"))
    notes = [_conditions(result), three_sizes(answer)]
    if machine is not None:
        if not machine.driver_reports:
            notes.append(f"no driver figure is known for {machine.device.name}: 1/16 of it is taken as reserved")
        if (pool := answer.pool) is not None:
            notes.append(f"reserves {binary(pool.bytes)} a device for {many(pool.tokens, 'token')}: "
                         f"{pool.requests_per_thousand / 1000:.2f} requests of {result.serving.context:,} at once")
    notes += [*missing(answer)]
    notes += result.prepared.towers.notes
    notes += [f"{name}: {text}" for name, text in result.prepared.runtime.profile.notes]
    return Table(headline(answer.built), columns, rows,
                 (total_label(answer), total.total, total.total, answer.whole.known), tuple(notes),
                 gauge=None if machine is None else gauge(fullest(result), machine))


def _conditions(result: inference.Memory) -> str:
    prepared, serving = result.prepared, result.serving
    kv, plan = prepared.cache_types.key.name, prepared.plan
    value = prepared.cache_types.value.name
    facts = [f"{prepared.runtime.name}", f"context {serving.context:,}", f"batch {serving.batch:,}",
            f"weights {weight_formats(prepared)}", f"cache {kv if kv == value else f'{kv} and {value}'}"]
    if prepared.devices > 1:
        facts.append(f"{many(prepared.devices, 'device')} (tp {plan.tp}, pp {plan.pp}, ep {plan.ep})")
    if prepared.draft is not None:
        facts.append(f"drafted by {prepared.draft.spec.name}")
    if prepared.setup.loras:
        facts.append(f"{many(prepared.setup.loras, 'adapter')} of rank {prepared.setup.lora_rank}")
    facts.append(f"{result.cache.per_token:,} bytes for one more token")
    return " · ".join(facts)


def weight_formats(prepared: Prepared) -> str:
    """The formats of the weights, the one most bytes are in first."""
    return ", ".join(sorted(prepared.formats, key=lambda name: -prepared.formats[name]))


def _cache(result: inference.Memory) -> tuple[Table, ...]:
    lines = result.cache.lines
    if not lines:
        return ()
    columns = (Column("cache"), Column("layers", "exact"), Column("cells", "exact"), Column("bytes", "bytes"))
    rows = tuple((line.name, line.layers, line.cells, line.bytes) for line in lines)
    return (Table("what is kept between tokens", columns, rows),)


def _devices(result: inference.Memory) -> tuple[Table, ...]:
    if len(result.per_device) == 1:
        return ()
    columns = (Column("device"), *(Column(name, "bytes") for name in (*PARTS, "total")))
    rows, first = [], 0
    for part, stage in zip(result.stages, result.prepared.stages, strict=True):
        rows.append((_numbers(first, stage.devices), *part, part.total))
        first += stage.devices
    return (Table("each device", columns, tuple(rows)),)


def _numbers(first: int, count: int) -> str:
    return str(first) if count == 1 else f"{first} to {first + count - 1}"


def fullest(result: inference.Memory) -> Parts:
    """The device that holds most."""
    return max(result.stages, key=lambda part: part.total)


def gauge(part: Parts, machine: Machine) -> Gauge:
    """A device's memory by part, against what it has."""
    sizes = tuple((name, getattr(part, name)) for name in PARTS)
    return Gauge(sizes, machine.capacity, machine.usable, machine.device.name)
