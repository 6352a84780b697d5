"""What `speed` shows: a row for each number of requests, or for each accelerator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.numbers import many
from paramcalc.reports.certainty import marks, missing, partly
from paramcalc.reports.table import Column, Table

if TYPE_CHECKING:
    from paramcalc.answers.speed import SpeedAnswer
    from paramcalc.estimates.figure import Figure


def tables(answer: SpeedAnswer) -> tuple[Table, ...]:
    """The table of an answer."""
    return (_devices(answer),) if answer.devices is not None else (_points(answer),)


def interval(figure: Figure | None, digits: int = 3) -> str:
    """`12.3 (11.0 to 13.9)`; a dash where there is no figure."""
    if figure is None:
        return "-"
    low, expected, high = (number(value, digits) for value in figure)
    return expected if low == high else f"{expected} ({low} to {high})"


def number(value: float, digits: int = 3) -> str:
    """A number of three significant digits, with separators."""
    if value >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    text = f"{value:.{digits}g}"
    return f"{value:f}".rstrip("0")[:digits + 4] if "e" in text else text


def _points(answer: SpeedAnswer) -> Table:
    priced = any(point.usd_per_million_output_tokens for point in answer.points)
    columns = (Column("requests", "exact"), Column("ms a token", "number"), Column("tokens/s", "number"),
               Column("tokens/s a user", "number"), Column("first token, ms", "number"), Column("bound by"),
               Column("J a token", "number"),
               Column("USD a million tokens", "number", priced), Column("fits", for_people=False),
               Column("tpot_ms_low", "number", False), Column("tpot_ms", "number", False),
               Column("tpot_ms_high", "number", False), Column("tokens_per_second", "number", False),
               *marks(answer.known["tpot_ms"]))
    rows = []
    for point in answer.points:
        low, middle, high = point.tpot_ms or ("", "", "")
        user = point.tokens_per_second_per_user
        rows.append((point.concurrency, interval(point.tpot_ms), interval(point.tokens_per_second),
                     number(user.expected) if user else "-", interval(point.ttft_ms), point.bound_by or "-",
                     interval(point.joules_per_token), interval(point.usd_per_million_output_tokens), point.fits,
                     low, middle, high, point.tokens_per_second.expected if point.tokens_per_second else "",
                     answer.known["tpot_ms"], "; ".join(answer.uncounted)))
    assumptions = answer.assumptions
    title = (f"{answer.model.name}   {assumptions['gpus']} × {assumptions['gpu']}, {assumptions['runtime']}, "
             f"{assumptions['prompt']:,} tokens in, {assumptions['output']:,} out")
    return Table(title, columns, tuple(rows), notes=_notes(answer))


def _notes(answer: SpeedAnswer) -> tuple[str, ...]:
    basis, notes = answer.basis, []
    if answer.failed:
        return ("not even one request fits: use more devices, or a smaller --quant",)
    most = answer.max_concurrency or 0
    waiting = [point for point in answer.points if point.running < point.concurrency]
    notes.append(f"room for {'at most ' if answer.bound else ''}{many(most, 'request')} at "
                 f"{'its' if most == 1 else 'their'} full length"
                 + (f"; of {waiting[-1].concurrency:,} in flight {waiting[-1].running:,.0f} run, the rest wait"
                    if waiting else ""))
    if answer.slo:
        notes.append(f"at most {answer.slo['tpot_ms']:g} ms per token: {answer.slo['concurrency']:,} requests")
    notes.append(f"basis: {basis['class']}, {basis['records']:,} measurements; of held-out configurations "
                 f"half are within {basis['median_error']:.0%}, nine of ten within {basis['p90_error']:.0%}"
                 if basis["records"] else f"basis: {basis['class']}")
    if "release" in answer.assumptions:
        notes.append(f"release: {answer.assumptions['release']}")
    notes.append(f"range: {basis['range']}")
    assumed = answer.assumptions
    notes.append(f"first token: {assumed['ttft_ms']}")
    if not any(point.joules_per_token for point in answer.points):
        notes.append(f"no energy: the power is {assumed['power']}")
    if answer.verify is not None:
        notes.append(f"verify: {answer.verify}")
    return (*notes, *partly(answer), *missing(answer))


def _devices(answer: SpeedAnswer) -> Table:
    rows = answer.devices or ()
    priced = any(row.usd_per_million_output_tokens for row in rows)
    columns = (Column("accelerator"), Column("devices", "exact"), Column("ms a token", "number"),
               Column("tokens/s", "number"), Column("tokens/s a device", "number"), Column("J a token", "number"),
               Column("USD a million tokens", "number", priced),
               Column("basis"), *marks(answer.known["tpot_ms"]))
    body = tuple((row.gpu, row.gpus, interval(row.tpot_ms), interval(row.tokens_per_second),
                  number(row.tokens_per_second_per_device.expected), interval(row.joules_per_token),
                  interval(row.usd_per_million_output_tokens),
                  row.basis + ("" if row.measured else ", not measured here"),
                  answer.known["tpot_ms"], "; ".join(answer.uncounted))
                 for row in rows)
    assumptions = answer.assumptions
    title = (f"{answer.model.name}   {assumptions['runtime']}, {assumptions['prompt']:,} tokens in, "
             f"{assumptions['output']:,} out")
    excluded = len(answer.left_out or {})
    notes = [f"the fewest devices that fit the requests; {many(excluded, 'accelerator')} are left out, "
             "--json gives the reasons"]
    return Table(title, columns, body, notes=(*notes, *partly(answer), *missing(answer)))
