"""What `compare` and `sweep` show: the columns that say something, one row a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.answers.comparison import COLUMNS, Comparison
from paramcalc.numbers import many
from paramcalc.reports.table import Column, Kind, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

KINDS: dict[str, Kind] = {
    "layers": "exact", "hidden_size": "exact", "total": "count", "active": "count", "embedding": "count",
    "embedding_share": "number", "weights_bytes": "gib", "memory_bytes": "gib", "cache_bytes_per_token": "exact",
    "flops_per_token": "flops", "tokens_per_second": "number",
}
PEOPLE = ("name", "set", "layers", "hidden_size", "total", "active", "embedding_share", "weights_bytes",
          "weights_known", "cache_bytes_per_token", "flops_per_token", "runtime", "memory_bytes", "fits",
          "tokens_per_second", "known", "uncounted", "error")
"""Columns a table for people has, where a row has a value."""


def tables(answer: Comparison, columns: Sequence[str] = (), *, every: bool = False) -> tuple[Table, ...]:
    """One table; the columns named, else those that say something, or with `every` all there are (for programs)."""
    names = list(columns) or list(COLUMNS if every else filter(lambda name: _says(answer, name), PEOPLE))
    rows = tuple(tuple(_cell(getattr(row, name), name, raw=every) for name in names) for row in answer.rows)
    heads = tuple(Column(name if every else name.replace("_", " "), KINDS.get(name, "text")) for name in names)
    assumptions = answer.assumptions
    most = "" if "length" not in assumptions else " or a model's positions, where they are fewer"
    weights = assumptions["quant"] or assumptions["dtype"]
    notes = [f"context {assumptions['context']:,}{most} · batch {assumptions['batch']:,} · weights {weights} · "
             f"runtime {assumptions['runtime']} · flops: forward, one token of a sequence of that context"]
    if "gpu" in assumptions:
        notes.append(f"fits: {assumptions['gpus']} × {assumptions['gpu']}")
    if _says(answer, "tokens_per_second"):
        notes.append(f"tokens per second: an estimate, {assumptions['tokens_per_second']}")
    failed = sum(row.error is not None for row in answer.rows)
    return (Table(f"{many(len(answer.rows), 'row')}" + (f", {failed:,} failed" if failed else ""), heads, rows,
                  notes=tuple(notes)),)


def _says(answer: Comparison, name: str) -> bool:
    values = [getattr(row, name) for row in answer.rows]
    if name == "active":
        return any(row.active != row.total for row in answer.rows)
    if name in ("known", "weights_known"):
        return any(value not in ("exact", None) for value in values)
    return name == "name" or any(value not in (None, (), {}) for value in values)


def _cell(value: Any, name: str, *, raw: bool) -> Any:  # noqa: ANN401 - a cell
    if isinstance(value, dict):
        return " ".join(f"{key}={item}" for key, item in value.items())
    if isinstance(value, tuple):
        return "; ".join(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name == "embedding_share" and value is not None and not raw:
        return f"{value:.1%}"
    if name == "tokens_per_second" and value is not None and not raw:
        return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    return value
