"""Tables of `train`: bytes on the devices of each stage, their bar, what would fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.defaults import TRAINING
from paramcalc.estimates.training_parts import PARTS
from paramcalc.numbers import binary, percent
from paramcalc.reports import train_run
from paramcalc.reports.certainty import marks, missing, partly, total_label
from paramcalc.reports.count import headline
from paramcalc.reports.table import Bars, Column, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paramcalc.answers.train import DeviceMemory, Train
    from paramcalc.estimates.training_layout import Layout

LETTERS = dict(zip(PARTS, "WGOMALCTR", strict=True))
MOST_ROWS = 15


def tables(answer: Train) -> tuple[Table, ...]:
    """Bytes on the devices of each stage; with tokens the whole run."""
    memory = _one(answer) if len(answer) == 1 else _stages(answer)
    if answer.training_run is None or answer.terms is None:
        return (memory,)
    device, notes = answer.plan.device, partly(answer)
    if device is not None and device.power_watts is None:
        notes = (f"no energy: the power of {device.name} is not known{device.why_unknown('power')}", *notes)
    return memory, train_run.table(answer.training_run, answer.terms, answer.known["run"], notes)


def _one(answer: Train) -> Table:
    """A row for each part, where all devices hold the same."""
    worst, count = answer.heaviest, answer.devices
    rows = tuple((part.replace("_", " "), getattr(worst, part), getattr(worst, part), answer.known[part])
                 for part in parts_of(answer.per_device))
    columns = (Column("part"), Column("bytes", "bytes"), Column("share", "share"), Column("known"))
    where = f"each of {count:,} devices" if count > 1 else "one device"
    return Table(f"{headline(answer.built)}, {where}", columns, rows,
                 (total_label(answer), worst.total, worst.total, answer.known["total"]), _notes(answer),
                 gauge=bars(answer))


def _stages(answer: Train) -> Table:
    """A row for each pipeline stage."""
    parts = parts_of(answer.per_device)
    columns = (Column("stage", "exact"), *(Column(part.replace("_", " "), "gib") for part in parts),
               Column("total", "gib"), *marks(answer.known["total"]))
    rows = tuple((device.stage, *(getattr(device, part) for part in parts), device.total, answer.known["total"],
                  "; ".join(answer.uncounted)) for device in answer)
    return Table(f"{headline(answer.built)}, {answer.devices} devices", columns, rows, None, _notes(answer),
                 gauge=bars(answer))


def _notes(answer: Train) -> tuple[str, ...]:
    moments = dict.fromkeys(device.moment for device in answer)
    notes = [*_verdict(answer), f"{answer.why} · peak when {' or '.join(moments)}",
             conditions(answer), *answer.doubts]
    if (sizes := answer.rollout) is not None:
        notes.append(f"the generation engine is not in the total: weights {binary(sizes.weights)} and a cache of "
                     f"{binary(sizes.cache_per_sequence)} per sequence, over all its devices")
    notes += (f"would fit with {remedy.option}: {binary(remedy.needed)}" for remedy in answer.remedies or ())
    if answer.largest is not None:
        notes.append(f"largest micro-batch: {answer.largest.micro_batch:,} · largest seq: {answer.largest.seq:,}")
    return (*notes, *(partly(answer) if len(answer) > 1 else ()), *missing(answer))


def _verdict(answer: Train) -> tuple[str, ...]:
    """Whether the fullest device has room, where one is named."""
    if answer.capacity is None:
        return ()
    over = answer.max_device_bytes - answer.capacity.bytes
    if answer.fits:
        return (f"fits: {binary(-over)} free on the fullest device",)
    return (f"does not fit: {binary(over)} too much on the fullest device" if over > 0 else
            "unknown: only a lower bound fits",)


def parts_of(devices: Sequence[DeviceMemory]) -> tuple[str, ...]:
    """The parts there are: models beside the trained one only where a method has some."""
    return PARTS if any(device.other_models for device in devices) else PARTS[:-1]


def bars(answer: Train) -> Bars:
    """A bar for each stage, against the accelerator or the heaviest."""
    parts = parts_of(answer.per_device)
    gpu, room = answer.plan.device, answer.capacity
    return Bars(tuple((f"stage {device.stage:>2}", tuple(getattr(device, part) for part in parts))
                      for device in answer.per_device[:MOST_ROWS]),
                tuple((LETTERS[part], part.replace("_", " ")) for part in parts),
                answer.max_device_bytes if room is None else room.bytes, gpu.name if gpu else "")


def _reserved(layout: Layout) -> str:
    """What the total has beyond what is allocated."""
    if layout.fully_sharded:
        return "total as reserved, fully_shard's pools in it"
    beyond = layout.reserved - 1
    more = f"reserved, {percent(beyond.numerator, beyond.denominator, 0)} beyond allocated"
    return f"total as {more if beyond else 'allocated'}"


def conditions(answer: Train) -> str:
    """The run in one line, with the loss, the method and the schedule where they are not the usual ones."""
    recipe, layout = answer.plan.trainer.recipe, answer.plan.layout
    load, policy = answer.plan.load, answer.plan.policy
    sizes = " ".join(f"{name} {size}" for name, size in layout._asdict().items()
                     if name in ("tp", "pp", "dp", "ep", "cp") and size > 1)
    products = f", products in {recipe.compute_dtype}" if recipe.compute_dtype not in (None, recipe.dtype) else ""
    facts = [f"{load.batch} × {load.seq:,} tokens", f"{recipe.dtype}{products}, {recipe.optimizer}",
             f"{policy.attention} attention", f"recompute {policy.recompute}", f"activations by {policy.library}",
             f"zero {layout.zero}", *([sizes] if sizes else []), _reserved(layout)]
    chosen = {"loss": recipe.loss, "method": recipe.method, "schedule": layout.schedule}
    facts += [f"{name} {value}" for name, value in chosen.items() if value != getattr(TRAINING, name)]
    return " · ".join(facts)
