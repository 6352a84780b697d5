"""What `fit` shows: whether it runs, by which runtime, the largest context and batch, why not and what would help."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.estimates.fit import MOST_BATCH, MOST_TOKENS
from paramcalc.estimates.runtimes import BOUND
from paramcalc.numbers import binary
from paramcalc.reports.certainty import missing, partly, verdict
from paramcalc.reports.count import headline
from paramcalc.reports.memory import fullest, gauge, reserved_each, three_sizes, weight_formats
from paramcalc.reports.table import Column, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paramcalc.answers.fit import Fit, Point
    from paramcalc.answers.fit_catalog import AcceleratorFit, FitAll
    from paramcalc.build import Model


def tables(answer: Fit) -> tuple[Table, ...]:
    """The verdict, a row for each runtime, and the curve where several contexts were asked for."""
    runtimes = (_runtimes(answer),) if len(answer.runtimes) > 1 else ()
    return (_verdict(answer), *runtimes, *(_curve(answer.curve) if answer.curve else ()))


def _verdict(answer: Fit) -> Table:
    last, machine, model = answer.verdicts[-1], answer.machine, answer.built
    if machine is None:
        return Table(headline(model), (), ())
    devices = f"{last.devices} × " if last.devices > 1 else ""
    bound = answer.runtime == BOUND or bool(answer.result.prepared.lower_bound)
    usable = f"{binary(last.usable)} of {binary(machine.capacity)}"
    rows: list[tuple[Any, ...]] = [
        (f"{devices}{machine.device.name}", verdict(answer.runtime, fits=answer.fits, roomy=last.fits, bound=bound)),
        ("needed per device", binary(last.needed)),
        ("usable per device", usable + ("" if machine.driver_reports else ": no figure from a driver, 1/16 reserved")),
        (f"largest context at batch {last.serving.batch:,}", tokens(model, last.max_context)),
        (f"largest batch at context {last.serving.context:,}", limit(last.max_batch, MOST_BATCH)),
    ]
    if answer.why_not:
        rows.append(("why not", answer.why_not))
    rows += [("would fit", f"{remedy.option}: {binary(remedy.needed)} per device") for remedy in answer.remedies]
    if answer.serve and answer.fits:
        rows.append(("command", answer.serve))
    prepared = answer.result.prepared
    conditions = (f"{answer.runtime} · context {last.serving.context:,} · batch {last.serving.batch:,} · weights "
                  f"{weight_formats(prepared)} · cache {answer.assumptions['kv_dtype']}")
    notes = (conditions, three_sizes(answer), *missing(answer), *partly(answer), *prepared.towers.notes,
             *(f"{name}: {text}" for name, text in prepared.runtime.profile.notes))
    return Table(headline(model), (Column(""), Column("")), tuple(rows), notes=notes,
                 gauge=gauge(fullest(answer.result), machine))


def fits_cell(headroom: int | None, *, fits: bool, bound: bool = False) -> str:
    """`yes` or `no`; `bound` where there is room for what is known alone, and for the lower bound itself."""
    if fits:
        return "yes"
    return "bound" if bound or (headroom is not None and headroom >= 0) else "no"


def _runtimes(answer: Fit) -> Table:
    columns = (Column("runtime"), Column("fits"), Column("needed", "gib"), Column("headroom", "gib"),
               Column("largest context", "exact"), Column("batch", "exact"))
    devices = answer.verdicts[-1].devices
    rows = tuple((row.runtime, fits_cell(row.headroom, fits=row.fits, bound=row.runtime == BOUND), row.total,
                  None if row.headroom is None else row.headroom // devices, limit(row.max_context, MOST_TOKENS),
                  limit(row.max_batch, MOST_BATCH)) for row in answer.runtimes)
    notes = tuple(f"{row.runtime}: {row.why}" for row in answer.runtimes
                  if row.why and row.runtime not in (BOUND, answer.runtime))
    return Table("by runtime, per device" if devices > 1 else "by runtime", columns, rows, notes=(
        *notes, "exact: the theoretical minimum without runtime overhead; a lower bound, never the verdict"))


def csv_rows(answer: Fit) -> Table:
    """One row: the verdict on the accelerator."""
    last, machine = answer.verdicts[-1], answer.machine
    columns = tuple(map(Column, ("accelerator", "devices", "runtime", "fits", "needed_bytes", "usable_bytes",
                                 "headroom_bytes", "max_context", "max_batch", "loaded_bytes", "reserved_bytes",
                                 "on_disk_bytes", "known", "uncounted")))
    name = machine.device.key if machine is not None else ""
    return Table("", columns, ((name, last.devices, answer.runtime, answer.fits, last.needed, last.usable,
                                answer.headroom, last.max_context, last.max_batch, fullest(answer.result).weights,
                                reserved_each(answer), answer.weights.on_disk, answer.known["fits"],
                                "; ".join(answer.uncounted)),))


def catalog_csv_rows(answer: FitAll) -> Table:
    """A row for each accelerator, with the largest context by each runtime."""
    points = [point.context for point in answer.accelerators[0].contexts]
    names = [row.runtime for row in answer.accelerators[0].runtimes]
    columns = tuple(map(Column, (
        "accelerator", "runtime", "fits", "usable_bytes", "headroom_bytes", "max_context",
        *(f"max_batch_at_{context}" for context in points), *(f"max_context_by_{name}" for name in names), "known",
        "uncounted")))
    return Table("", columns, tuple(
        (row.name, row.runtime, row.fits, row.usable_bytes, row.headroom.bytes, row.max_context,
         *(point.max_batch for point in row.contexts), *(each.max_context for each in row.runtimes),
         answer.known["fits"], "; ".join(answer.uncounted)) for row in answer.accelerators))


def limit(number: int | None, most: int) -> str:
    """A largest context or batch; nothing where a runtime says none, and no number where `most` was room for."""
    return "" if number is None else "no limit" if number == most else f"{number:,}"


def tokens(model: Model, number: int) -> str:
    """A largest context, beside the positions the model has."""
    if number == MOST_TOKENS:
        return "no limit: nothing grows with it"
    positions = model.spec.max_position_embeddings
    over = f" (the model has {positions:,} positions)" if positions and number > positions else ""
    return f"{number:,}{over}"


def _curve(points: Sequence[Point]) -> tuple[Table, ...]:
    columns = (Column("context", "exact"), Column("needed per device", "bytes"), Column("fits"),
               Column("largest batch", "exact"))
    rows = tuple((each.context, each.needed_bytes, fits_cell(each.headroom_bytes, fits=each.fits),
                  limit(each.max_batch, MOST_BATCH)) for each in points)
    return (Table("against the context", columns, rows),)


def catalog_tables(answer: FitAll) -> tuple[Table, ...]:
    """A row for each accelerator and each runtime that can serve the model there."""
    contexts = [point.context for point in answer.accelerators[0].contexts]
    batches = tuple(Column(f"batch at {context:,}", "exact") for context in contexts)
    columns = (Column("accelerator"), Column("usable", "gib"), Column("by"), Column("fits"),
               Column("largest context", "exact"), *batches)
    rows = tuple(row for each in answer.accelerators for row in _catalog_rows(each))
    return (Table(headline(answer.built), columns, rows, notes=(*missing(answer), *partly(answer))),)


def _catalog_rows(each: AcceleratorFit) -> list[tuple[Any, ...]]:
    able = [row for row in each.runtimes if row.max_context is not None and row.runtime != BOUND]
    return [(each.device, each.usable_bytes, row.runtime, fits_cell(row.headroom, fits=row.fits),
             limit(row.max_context, MOST_TOKENS),
             *(limit(point.max_batch, MOST_BATCH) for point in each.curves[row.runtime]))
            for row in able or each.runtimes if row.max_context is not None]
