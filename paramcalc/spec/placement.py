"""Where a component that cannot stand where it does is written: only refusals come here."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from paramcalc.components.base import Component
from paramcalc.components.stack import Stack
from paramcalc.errors import SpecError
from paramcalc.tree import Context

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paramcalc.spec.lower import Lowered
    from paramcalc.spec.model import ModelSpec
    from paramcalc.spec.tower import Tower

    Path = tuple[str | int, ...]


class Place(NamedTuple):
    """A component, what it knows of its surroundings, and what it is written under."""

    part: Component
    context: Context
    key: str
    block: str = ""
    apart: str = ""
    tower: str = ""


def misplaced(spec: ModelSpec, lowered: Lowered, context: Context) -> SpecError:
    """Everything that cannot stand where it does, each at the key to blame."""
    places = [*_places(lowered, context)]
    for name, parts in spec.apart.items():
        places += (place._replace(apart=name) for place in _places(lowered._replace(modules=parts), context))
    for name, tower in lowered.towers.items():
        inside = Context(spec.towers[name].hidden_size)
        places += (place._replace(tower=name) for place in _places(tower, inside))
    return SpecError(*dict.fromkeys(
        problem._replace(path=(*written(spec, place), *problem.path))
        for place in places for problem in place.part.problems(place.context)))


def _places(lowered: Lowered, context: Context) -> Iterator[Place]:
    for key, part in lowered.modules.items():
        yield Place(part, context, key)
        if isinstance(part, Stack):
            inner = context._replace(hidden_size=part.width(context))
            for block, parts in lowered.blocks.items():
                yield from (Place(each, inner, name, block) for name, each in parts.items())


def written(spec: ModelSpec, place: Place) -> Path:
    """Where a component is written in the specification, as near as can be said."""
    if place.tower:
        return ("towers", place.tower, *_in_tower(spec.towers[place.tower], place))
    if place.block:
        return _in_block(spec, place)
    if place.apart:
        return ("apart", place.apart, place.key)
    holders = {"modules": spec.modules or {}, "inputs": spec.inputs, "outputs": spec.outputs}
    return next(((word, place.key) for word, parts in holders.items() if place.key in parts), ())


def _in_tower(tower: Tower, place: Place) -> Path:
    return _in_block(tower, place) if place.block else ("modules", place.key)


def _in_block(spec: ModelSpec | Tower, place: Place) -> Path:
    block = spec.blocks.get(place.block)
    base: Path = () if block is None else ("blocks", place.block)
    if block is not None and block.parts is not None:
        return (*base, "parts", place.key)
    for fields, start in ((block or spec, base), (spec, ())):
        for word in ("mixer", "ffn", "moe"):
            part = getattr(fields, word)
            if isinstance(part, Component) and part.kind == place.part.kind:
                return (*start, word)
        if place.key in (fields.beside or {}):
            return (*start, "beside", place.key)
    return base
