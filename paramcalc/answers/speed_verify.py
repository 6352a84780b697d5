"""The command that measures the same point as `speed` predicts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.catalog.runtimes import server
from paramcalc.estimates.serving import published_name
from paramcalc.numbers import many

if TYPE_CHECKING:
    from paramcalc.estimates.speed import Speed
    from paramcalc.estimates.speed_settings import SpeedSettings
    from paramcalc.readers.models import Reading


ALL_LAYERS = 99


def verify(reading: Reading, settings: SpeedSettings, speed: Speed) -> str:
    """The benchmark command of the runtime, with the requests asked for; empty where its documents name none."""
    facts, split, most = server(settings.runtime), speed.served.split, max(settings.concurrency)
    return (facts.benchmark if facts is not None else "").format(
        model=published_name(reading.spec) or "MODEL", file=reading.spec.name or "MODEL", prompt=settings.prompt,
        output=settings.output_tokens, concurrency=most, clients=many(most, "request"), requests=max(10, 4 * most),
        layers=int(speed.served.widths.layers * (1 - speed.host.share)) if speed.host else ALL_LAYERS,
        tp=split.tp, pp=split.pp, ep=split.ep)
