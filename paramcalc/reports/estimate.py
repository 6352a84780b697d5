"""Tables of `estimate`: one page of figures, each with how it is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.answers.estimate import STORED
from paramcalc.measures.header_certainty import cache_unknown
from paramcalc.reports.certainty import missing, total_label
from paramcalc.reports.count import component_table
from paramcalc.reports.table import Column, Table

if TYPE_CHECKING:
    from paramcalc.answers.estimate import Estimate


def tables(answer: Estimate) -> tuple[Table, ...]:
    """Parameters by component, memory to serve one sequence, FLOPs."""
    return component_table(answer.built, answer.counts, total_label(answer)), _memory(answer), _compute(answer)


def _memory(answer: Estimate) -> Table:
    cache = answer.cache
    rows: list[tuple[str, int | None, str]] = [
        (f"weights {row.format}" if row.format == STORED else f"weights in {row.format}", row.bytes, row.known)
        for row in answer.weights]
    if why := cache_unknown(answer.built):
        rows.append(("cache", None, why))
    else:
        rows.append((f"cache at {answer.context:,} tokens, bf16", cache.bytes, cache.known))
        if cache.state_bytes and cache.kv_bytes:
            rows += [("  of it keys and values", cache.kv_bytes, cache.known),
                     ("  of it fixed states", cache.state_bytes, cache.known)]
        rows.append(("cache, one more token", cache.bytes_per_token, cache.known))
    return Table("Memory to serve one sequence", (Column("what"), Column("bytes", "bytes"), Column("figure")),
                 tuple(rows), notes=("without activations, runtime overhead and the scales of a quantizer",))


def _compute(answer: Estimate) -> Table:
    level = "the weights' part" if cache_unknown(answer.built) else answer.flops.known
    towers = answer.flops.towers
    media = (("towers, its pictures and recordings", towers, answer.flops.known),) if towers is not None else ()
    rows = ((f"forward, one token at {answer.context:,} tokens", answer.flops.forward_per_token, level), *media,
            ("training, one token: 6·N", answer.training.approximation_6nd_per_token, answer.training.known))
    return Table("Compute", (Column("what"), Column("FLOPs", "flops"), Column("figure")), rows,
                 notes=("2 FLOPs a multiply-add; matrix products and attention over the tokens a query may see; "
                        "norms, activations and scans are left out",
                        "6·N: N active parameters; D tokens cost 6·N·D (arXiv:2001.08361), attention left out",
                        *missing(answer)))
