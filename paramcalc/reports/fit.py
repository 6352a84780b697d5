"""What `fit` says: whether it runs, the largest context and batch, why not and what would help."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.estimates.fit import MOST_BATCH, MOST_TOKENS, Fit, Need, fits, remedies
from paramcalc.estimates.inference import memory
from paramcalc.measures.cache import Serving
from paramcalc.reports.count import head, headline
from paramcalc.reports.memory import PARTS, assumptions, bar, beyond, body, fullest, held_in
from paramcalc.reports.numbers import binary
from paramcalc.reports.table import Answer, Column, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paramcalc.build import Model
    from paramcalc.estimates.fit import Remedy
    from paramcalc.estimates.inference import Memory
    from paramcalc.estimates.machine import Machine
    from paramcalc.readers.models import Loaded


def one(
    loaded: Loaded, model: Model, need: Need, machine: Machine, contexts: Sequence[int], batch: int,
) -> Answer:
    """On one kind of device: the last context decides, the others make the curve."""
    found = fits(need, machine, contexts, batch)
    last = found[-1]
    held = memory(need.prepared, last.serving)
    helps = [] if last.fits else remedies(model, need, machine, last)
    json = head("fit", loaded) | body(held, machine) | keys(last) | {
        "why_not": _why(held, last), "remedies": [remedy._asdict() for remedy in helps],
        "trained_context": model.spec.max_position_embeddings}
    json["warnings"] += beyond(model, held)
    if len(found) > 1:
        json["curve"] = [_point(each) for each in found]
    tables = (_verdict(model, held, machine, last, helps), *(_curve(found) if len(found) > 1 else ()))
    return Answer(json, tables, failed=not last.fits)


def every(
    loaded: Loaded, model: Model, need: Need, machines: Sequence[Machine], contexts: Sequence[int], batch: int,
) -> Answer:
    """On every device of the catalog."""
    found = [(machine, fits(need, machine, contexts, batch)) for machine in machines]
    held = memory(need.prepared, Serving(contexts[-1], batch, need.source))
    rows = [{"name": machine.device.key, "memory_bytes": machine.capacity, "usable_bytes": machine.usable,
             **keys(each[-1]), "contexts": [_point(fit) for fit in each]} for machine, each in found]
    json = head("fit", loaded) | body(held) | {"accelerators": rows,
                                               "fits": any(each[-1].fits for _, each in found)}
    return Answer(json, (_catalog(model, held, found, contexts),), failed=not json["fits"])


def keys(found: Fit) -> dict[str, Any]:
    """The keys `fit` adds to `memory`'s."""
    return {"fits": found.fits, "capacity": {"bytes": found.capacity}, "headroom": {"bytes": found.headroom},
            "max_context": found.max_context, "max_batch": found.max_batch}


def _point(found: Fit) -> dict[str, Any]:
    return {"context": found.serving.context, "needed_bytes": found.needed, "fits": found.fits,
            "headroom_bytes": found.headroom, "max_batch": found.max_batch}


def _why(held: Memory, found: Fit) -> str | None:
    """The part that stands in the way: the weights by themselves, else what comes on top."""
    if found.fits:
        return None
    part = fullest(held)
    if part.weights > found.usable:
        return f"weights alone take {binary(part.weights)} of {binary(found.usable)} usable on a device"
    rest = {name: getattr(part, name) for name in PARTS[1:]}
    most = max(rest, key=lambda name: rest[name])
    return (f"{binary(found.needed - found.usable)} too much on a device: beside {binary(part.weights)} of weights, "
            f"{most} takes {binary(rest[most])}")


def _verdict(model: Model, held: Memory, machine: Machine, found: Fit, helps: Sequence[Remedy]) -> Table:
    devices = f"{found.devices} × " if found.devices > 1 else ""
    verdict = "fits" if found.fits else "does not fit"
    rows: list[tuple[Any, ...]] = [
        (f"{devices}{machine.device.name}", verdict),
        ("needed on a device", binary(found.needed)),
        ("usable of a device", f"{binary(found.usable)} of {binary(machine.capacity)}"),
        (f"largest context at batch {found.serving.batch:,}", _tokens(model, found.max_context)),
        (f"largest batch at context {found.serving.context:,}",
         "no limit" if found.max_batch == MOST_BATCH else f"{found.max_batch:,}"),
    ]
    if why := _why(held, found):
        rows.append(("why not", why))
    rows += [("would fit", f"{remedy.option}: {binary(remedy.needed)} a device") for remedy in helps]
    if not found.fits and not helps:
        rows.append(("would fit", "nothing tried: formats, shorter contexts, up to 72 devices"))
    runtime = held.prepared.runtime
    said = assumptions(held, machine)
    notes = (*bar(fullest(held), machine.capacity, machine.usable, machine.device.name),
             f"{runtime.name} · context {found.serving.context:,} · batch {found.serving.batch:,} · weights "
             f"{held_in(held.prepared)} · cache {said['kv_dtype']}",
             *beyond(model, held), *(f"{name}: {text}" for name, text in runtime.profile.notes))
    return Table(headline(model), (Column(""), Column("")), tuple(rows), notes=notes)


def _tokens(model: Model, tokens: int) -> str:
    if tokens == MOST_TOKENS:
        return "no limit: nothing grows with it"
    trained = model.spec.max_position_embeddings
    beyond = f" (the model has {trained:,} positions)" if trained and tokens > trained else ""
    return f"{tokens:,}{beyond}"


def _curve(found: Sequence[Fit]) -> tuple[Table, ...]:
    columns = (Column("context", "exact"), Column("needed on a device", "bytes"), Column("fits"),
               Column("largest batch", "exact"))
    rows = tuple((each.serving.context, each.needed, "yes" if each.fits else "no", each.max_batch) for each in found)
    return (Table("against the context", columns, rows),)


def _catalog(
    model: Model, held: Memory, found: Sequence[tuple[Machine, list[Fit]]], contexts: Sequence[int],
) -> Table:
    batches = tuple(Column(f"batch at {context:,}", "exact") for context in contexts)
    columns = (Column("accelerator"), Column("usable", "bytes"), Column("fits"), Column("largest context", "exact"),
               *batches)
    rows = tuple((machine.device.name, machine.usable, "yes" if each[-1].fits else "no", each[-1].max_context,
                  *(fit.max_batch for fit in each)) for machine, each in found)
    devices = held.prepared.devices
    note = (f"{held.prepared.runtime.name} · {devices} device{'s' if devices > 1 else ''} · batch "
            f"{held.serving.batch:,} · needed on a device at {contexts[-1]:,}: {binary(fullest(held).total)}")
    return Table(headline(model), columns, rows, notes=(note,))
