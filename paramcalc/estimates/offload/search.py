"""The placement that keeps most on the cards: all layers with as few experts on the host as can be, else fewer layers.

Found by bisection of the sums in `placement`: a card takes no more with a layer, or with a layer's experts, fewer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from paramcalc.estimates.fit import largest
from paramcalc.estimates.offload.placement import Ledger, Load, Placement, Places, Span, card_of
from paramcalc.measures.cache import types

if TYPE_CHECKING:
    from paramcalc.estimates.offload.pieces import Pieces

KV_DTYPES = ("fp16", "q8_0", "q4_0")
"""Formats of the cache to try, the most exact first."""


class Room(NamedTuple):
    """Memory that may be used."""

    cards: tuple[int, ...]
    """Bytes of each card."""
    ram: int | None
    """Bytes of the host; None where nobody says: then it has room for what llama.cpp leaves there in any case, the
    tables and inputs, and gets no layers and no experts."""


class Choice(NamedTuple):
    """A placement with the format of the cache it was found for."""

    kv_dtype: str
    load: Load
    places: Places

    @property
    def on_cards(self) -> bool:
        """Whether the host holds no layer and no experts."""
        return not self.places.host.layers and not self.places.placement.cpu_moe


def choose(model: Pieces, room: Room, load: Load, kv_dtype: str | None) -> Choice | None:
    """The best placement; None where nothing fits. Without a format of the cache that is said, the most exact one of
    those with which the cards hold everything, else of those that fit at all."""
    options: list[Choice] = []
    for name in KV_DTYPES if kv_dtype is None else (kv_dtype,):
        here = load if kv_dtype is not None else with_cache(load, name)
        if (ledger := best(model, room, here)) is not None:
            options.append(Choice(name, here, ledger))
            if options[-1].on_cards:
                return options[-1]
    return options[0] if options else None


def with_cache(load: Load, kv_dtype: str) -> Load:
    """A serving load with keys and values in another format."""
    cache_types = types(load.cache_types.compute.name, kv_dtype)._replace(recurrent=load.cache_types.recurrent)
    return load._replace(cache_types=cache_types)


def best(model: Pieces, room: Room, load: Load) -> Places | None:
    """The placement that leaves least on the host, with the cache as it is; None where nothing fits."""
    ledger, units = Ledger(model, load), len(model.order) + 1
    with_experts = [layer for layer in range(units - 1) if model.layer(layer).experts]
    moved = with_experts[-1] + 1 if with_experts else 0

    def on(on_host: int, cpu_moe: int) -> Places | None:
        return _placed(ledger, room, on_host, cpu_moe)

    placed = on(0, 0)
    if room.ram is None:
        return placed
    if placed is None and moved:
        placed = on(0, moved - largest(lambda size: on(0, moved - size) is not None, moved))
    if placed is None:
        placed = on(units - largest(lambda size: on(units - size, moved) is not None, units), moved)
    return placed if placed is not None and placed.host.total <= room.ram else None


def _placed(ledger: Ledger, room: Room, on_host: int, cpu_moe: int) -> Places | None:
    """The first so many layers on the host and the others on cards: in proportion to the cards, else each as full as it
    can be; None where the cards have no room."""
    units = len(ledger.model.order) + 1
    placement = Placement(units - on_host, cpu_moe, room.cards)
    placed = ledger.places(placement, card_of(placement, units - 1))
    if all(place.total <= usable for place, usable in zip(placed.cards, room.cards, strict=True)):
        return placed
    return None if len(room.cards) == 1 else _filled(ledger, room, placement)


def _filled(ledger: Ledger, room: Room, placement: Placement) -> Places | None:
    """Cards filled one after the other."""
    units = len(ledger.model.order) + 1
    start = on_host = units - placement.gpu_layers
    copied = ledger.borrowed(on_host, placement.cpu_moe)
    counts: list[int] = []
    for number, usable in enumerate(room.cards):
        def holds(count: int, number: int = number, usable: int = usable, start: int = start) -> bool:
            end = start + count
            place = ledger.card(Span(min(start, units - 1), min(end, units - 1), end == units), placement.cpu_moe,
                                copied=0 if number else copied, first=number == 0, pipelined=not copied)
            return place.total <= usable

        counts.append(largest(holds, units - start) if start < units else 0)
        start += counts[-1]
    if start < units:
        return None
    split = placement._replace(split=tuple(counts))
    return ledger.places(split, card_of(split, units - 1))
