"""The section of one model in a report: its parameters, memory and FLOPs, as tables and pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from paramcalc.answers.comparison import Comparison, Row, assumed, row
from paramcalc.answers.count import count
from paramcalc.answers.estimate import estimate
from paramcalc.estimates.settings import DeviceSettings, ServingSettings
from paramcalc.measures.cache import Serving, exact, mixers, types
from paramcalc.measures.header_certainty import cache_unknown
from paramcalc.measures.weights import weight_bytes
from paramcalc.reports.estimate import tables
from paramcalc.reports.html.tables import tables_html, text
from paramcalc.reports.pictures.components import component_map
from paramcalc.reports.pictures.context import contexts_up_to, memory_chart
from paramcalc.reports.pictures.svg import figure
from paramcalc.transforms.formats import in_formats

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paramcalc.build import Model
    from paramcalc.estimates.settings import PageSettings
    from paramcalc.readers.models import Reading

BATCHES = (1, 8)


class Section(NamedTuple):
    """One model's part of a report."""

    name: str
    html: str
    row: Row
    """Of the table of all models."""
    figures: dict[str, Any]
    """What `count --by tensor --json` and `estimate --json` write of it."""


def section(reading: Reading, settings: PageSettings) -> Section:
    """The part of a report about one model, with memory up to the context it was made for."""
    counts = count(reading, by="tensor").to_dict()
    page = estimate(reading, settings)
    model = page.built
    name = reading.spec.name or reading.source
    warnings = "".join(f'<p class="warning">{text(warning)}</p>' for warning in reading.warnings)
    parts = [f"<section>\n<h2>{text(name)}</h2>", warnings, figure(component_map(counts)), tables_html(tables(page))]
    if not cache_unknown(model):
        parts += ["<h3>Weights and cache by context</h3>", figure(_memory(model, name))]
    html = "\n".join(filter(None, [*parts, "</section>"]))
    return Section(name, html, row(reading, _serving(settings), DeviceSettings()),
                   {"count": counts, "estimate": page.to_dict()})


def overview(rows: Sequence[Row], settings: PageSettings) -> str:
    """All models side by side."""
    from paramcalc.reports.comparison import tables as side_by_side

    answer = Comparison(rows=tuple(rows), assumptions=assumed(_serving(settings), DeviceSettings()))
    return f"<section>\n<h2>Side by side</h2>\n{tables_html(side_by_side(answer))}</section>"


def _serving(settings: PageSettings) -> ServingSettings:
    context = {"context": settings.context} if settings.is_set("context") else {}
    return ServingSettings.of({**context, "image": settings.image, "video": settings.video,
                               "audio": settings.audio})


def _memory(model: Model, name: str) -> str:
    """Weights in their own format and the exact cache, for one sequence and for eight."""
    contexts = contexts_up_to(model.spec.max_position_embeddings)
    weights, kinds = weight_bytes(in_formats(model).tree).total, mixers(model.tree)
    lines = {f"batch {batch}": [(context, weights + exact(kinds, Serving(context, batch), types("bf16")).bytes)
                                for context in contexts] for batch in BATCHES}
    return memory_chart(name, lines)
