"""What `memory` and `fit` show of a model on several cards or partly on the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.answers.placement import MARGIN, PlacedFit
from paramcalc.estimates.fit import MOST_BATCH
from paramcalc.numbers import binary
from paramcalc.reports.certainty import missing, total_label, verdict
from paramcalc.reports.count import headline
from paramcalc.reports.fit import tokens
from paramcalc.reports.memory import stored
from paramcalc.reports.table import Column, Table

if TYPE_CHECKING:
    from paramcalc.answers.placement import PlacedMemory

PARTS = ("weights", "cache", "activations")


def tables(answer: PlacedMemory) -> tuple[Table, ...]:
    """The verdict, what each card and the host hold, and what stands where."""
    verdict = (_verdict(answer),) if isinstance(answer, PlacedFit) else ()
    return (*verdict, _devices(answer, titled=not verdict), _components(answer))


def csv_rows(answer: PlacedMemory) -> Table:
    """A row for each card, and one for the host."""
    names = ("device", "layers", *PARTS, "total", "known", "uncounted")
    uncounted = "; ".join(answer.uncounted)
    rows = tuple((card.name, card.layers, *(getattr(device, part) for part in PARTS), device.total, answer.whole.known,
                  uncounted) for card, device in zip(answer.placement.cards, answer.per_device, strict=True))
    host = answer.host
    return Table("", tuple(map(Column, names)), (*rows, (
        "host", host.layers, *(getattr(host, part) for part in PARTS), host.total, answer.whole.known, uncounted)))


def _verdict(answer: PlacedFit) -> Table:
    placement, context = answer.placement, answer.assumptions["context"]
    names = " + ".join(card.name for card in placement.cards)
    rows: list[tuple[str, str]] = [(names, verdict(
        answer.runtime, fits=answer.fits, roomy=bool(answer.serve or answer.unserved), bound=not answer.unserved))]
    if answer.why_not:
        rows.append(("why not", answer.why_not))
    else:
        rows += [("layers on cards", _layers(answer)), ("cache", placement.kv_dtype)]
    rows += [("largest context", tokens(answer.built, answer.max_context)),
             (f"largest batch at context {context:,}",
              "no limit" if answer.max_batch == MOST_BATCH else f"{answer.max_batch:,}")]
    if answer.serve:
        rows.append(("command", answer.serve))
    notes = tuple(f"{row.runtime}: {row.why}" for row in answer.runtimes if row.why and row.runtime != answer.runtime)
    return Table(headline(answer.built), (Column(""), Column("")), tuple(rows), notes=notes)


def _layers(answer: PlacedFit) -> str:
    placement = answer.placement
    text = f"{sum(card.layers for card in placement.cards)} of {placement.layers}"
    return f"{text}, the experts of the first {placement.cpu_moe} on the host" if placement.cpu_moe else text


def _devices(answer: PlacedMemory, *, titled: bool) -> Table:
    usable = any(card.usable is not None for card in answer.placement.cards)
    columns = (Column(""), Column("layers", "exact"), *(Column(part, "gib") for part in PARTS), Column("total", "gib"),
               *((Column("usable", "gib"),) if usable else ()))
    rows = [(card.name, card.layers, device.weights, device.cache, device.activations, device.total,
             *((card.usable,) if usable else ()))
            for card, device in zip(answer.placement.cards, answer.per_device, strict=True)]
    host = answer.host
    rows.append(("host", host.layers, host.weights, host.cache, host.activations, host.total,
                 *((None,) if usable else ())))
    total = (total_label(answer), answer.placement.layers, answer.weights.bytes, answer.cache.bytes,
             answer.activations.bytes, answer.whole.bytes, *((None,) if usable else ()))
    notes = (f"{stored(answer.weights)} · loaded {binary(answer.weights.bytes)}",
             f"weights {answer.weights.known} · cache {answer.cache.known}, {answer.placement.kv_dtype} · activations "
             f"{answer.activations.known}",
             f"mapped from the file on the host, as llama.cpp prints it: {binary(host.mapped)}",
             _driver(answer), *missing(answer))
    return Table(headline(answer.built) if titled else "each card and the host", columns, tuple(rows), total, notes)


def _driver(answer: PlacedMemory) -> str:
    if isinstance(answer, PlacedFit):
        return f"usable: without {binary(MARGIN)} of each card for the driver, which llama.cpp's figures leave out"
    return "the driver's own share of a card is not in llama.cpp's figures"


def _components(answer: PlacedMemory) -> Table:
    rows = tuple((row.component, row.gpu, row.ram) for row in answer.placement.components)
    return Table("weights by component", (Column("component"), Column("cards", "gib"), Column("host", "gib")), rows)
