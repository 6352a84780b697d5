"""What `estimate` says: one page of figures, each named exact or an estimate, with what it assumes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from paramcalc.estimates.media import media_of
from paramcalc.measures.cache import Cache, Serving, exact, mixers, types
from paramcalc.measures.cache_known import cache_unknown, has_formats, weights_only
from paramcalc.measures.flops import Workload, flops
from paramcalc.measures.known import of_model, sizes_known
from paramcalc.measures.parameters import Counts, count
from paramcalc.measures.rules_of_thumb import six_n_d
from paramcalc.measures.weights import weight_bytes
from paramcalc.reports.count import assumed, component_table, head
from paramcalc.reports.table import Answer, Column, Table
from paramcalc.spec.media import NO_MEDIA, STREAMS, Media
from paramcalc.transforms.formats import in_formats

if TYPE_CHECKING:
    from paramcalc.build import Model
    from paramcalc.estimates.settings import PageSettings
    from paramcalc.readers.models import Loaded

FORMATS = ("fp32", "bf16", "fp8", "int4")
"""Plain formats, without the scales a quantizer adds."""
STORED = "as stored"
EXACT, ESTIMATE = "exact", "estimate"


class Figures(NamedTuple):
    """Everything on the page."""

    counts: Counts
    weights: dict[str, int]
    cache: Cache
    forward: int
    """FLOPs of one more token at the context."""
    rule: int
    """6 FLOPs for each active parameter, a trained token."""
    unknown: str = ""
    """Why the cache is not known, where it is not."""
    media: Media = NO_MEDIA
    towers: int = 0
    """FLOPs of towers over the pictures and recordings of one sequence."""


def figures(model: Model, context: int, media: Media = NO_MEDIA) -> Figures:
    """The folds behind the page; tokens of pictures and recordings are among those of the context."""
    tree = model.tree
    counts = count(tree)
    cache = exact(mixers(tree), Serving(context), types("bf16"))
    forward = flops(tree, Workload(seq=1, past=context - 1, convention="causal")).forward
    alone = tree.replace(children=tuple(child for child in tree.children if child.stream in STREAMS))
    towers = flops(alone, Workload(media=media)).forward if media.tokens else 0
    return Figures(counts, _weights(model), cache, forward, six_n_d(tree, 1), cache_unknown(model), media, towers)


def _weights(model: Model) -> dict[str, int]:
    """Bytes in plain formats, and as stored where the model says in what; of a checkpoint only these."""
    stored = {STORED: weight_bytes(in_formats(model).tree).total} if has_formats(model) else {}
    if weights_only(model):
        return stored
    return stored | {name: weight_bytes(model.tree, name).total for name in FORMATS}


def answer(loaded: Loaded, model: Model, settings: PageSettings) -> Answer:
    """The page of one model, and the same figures as an object."""
    media = media_of(settings, model.spec)
    context = settings.context + media.tokens
    found = figures(model, context, media)
    counts, cache = found.counts, found.cache
    json = head("estimate", loaded) | {
        "assumptions": assumed(model.spec, {
            "context": context, **media.summary(), "batch": 1, "cache_format": "bf16", "cache_policy": "exact",
                        "flops_convention": "2 FLOPs a multiply-add, causal pairs", "rule": "6 x active parameters"}),
        "parameters": {"total": counts.total, "active": counts.active, "embedding": counts.embedding,
                       "non_embedding": counts.total - counts.embedding, "known": sizes_known(model.spec)},
        "weights": [{"format": name, "bytes": size, "known": of_model(model.spec, "weights")}
                    for name, size in found.weights.items()],
        "cache": {"bytes": cache.bytes, "known": "unknown" if found.unknown else of_model(model.spec, "cache"),
                  "bytes_per_token": cache.per_token, "kv_bytes": cache.kv_bytes,
                  "state_bytes": cache.state_bytes},
        "flops": {"forward_per_token": found.forward, **({"towers": found.towers} if media.tokens else {}),
                  "known": of_model(model.spec, known="bound" if found.unknown else "exact")},
        "training": {"approximation_6nd_per_token": found.rule, "known": "estimate"},
    }
    json["warnings"] += media.notes
    return Answer(json, (component_table(model, counts), _memory(found, context), _compute(found, context)))


def _memory(found: Figures, context: int) -> Table:
    rows: list[tuple[str, int | None, str]] = [
        (f"weights {name}" if name == STORED else f"weights in {name}", size, EXACT)
        for name, size in found.weights.items()]
    if found.unknown:
        rows.append(("cache", None, found.unknown))
        return _memory_table(rows)
    rows.append((f"cache at {context:,} tokens, bf16", found.cache.bytes, EXACT))
    if found.cache.state_bytes and found.cache.kv_bytes:
        rows += [("  of it keys and values", found.cache.kv_bytes, EXACT),
                 ("  of it fixed states", found.cache.state_bytes, EXACT)]
    rows.append(("cache, one more token", found.cache.per_token, EXACT))
    return _memory_table(rows)


def _memory_table(rows: list[tuple[str, int | None, str]]) -> Table:
    return Table("Memory to serve one sequence", (Column("what"), Column("bytes", "bytes"), Column("figure")),
                 tuple(rows), notes=("without activations, runtime overhead and the scales of a quantizer",))


def _compute(found: Figures, context: int) -> Table:
    said = "the weights' part" if found.unknown else EXACT
    seen = (("towers, its pictures and recordings", found.towers, EXACT),) if found.media.tokens else ()
    rows = ((f"forward, one token at {context:,} tokens", found.forward, said), *seen,
            ("training, one token: 6·N", found.rule, ESTIMATE))
    return Table("Compute", (Column("what"), Column("FLOPs", "flops"), Column("figure")), rows,
                 notes=("2 FLOPs a multiply-add; matrix products and attention over the tokens a query may see; "
                        "norms, activations and scans are left out",
                        "6·N: N active parameters; D tokens cost 6·N·D (arXiv:2001.08361), attention left out"))
