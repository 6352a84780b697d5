"""Structures a model may have besides its own: what its family's other models, or published siblings, differ in.

A structure is the model with other settings that are no sizes of a shape. Where no shape of the model's own structure
has an exact size that is asked for, one of these may have it.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from pydantic import ValidationError

from paramcalc.build import build
from paramcalc.errors import PCError
from paramcalc.estimates.design.handles import SHARED, Handles, handles
from paramcalc.measures.parameters import count
from paramcalc.spec.dump import dump
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from paramcalc.estimates.design.handles import Path
    from paramcalc.measures.parameters import Counts

POSITIONS = "max_position_embeddings"
UNCHANGED = ("name", "source", "family", "notes", "uncounted", "vocab_size", "hidden_size", "num_layers",
             "tie_embeddings", "head_dim", "images", "layers", "apart", "names", "expect", "quantize", "training")
"""What a model keeps: what it is called, its vocabulary, tie, width of heads and layout."""
SWITCHES = ("qk_norm", "qkv_bias")
"""Settings in which published models of several families differ from their siblings."""
PARTS = (("top_k", (1, 2)), ("top_k", (2, 1)), (SHARED, (1, 2)), (SHARED, (2, 1)))
"""Numbers of experts, chosen or shared, that siblings have half or twice as many of."""


class Structure(NamedTuple):
    """A model with other settings."""

    spec: ModelSpec
    changes: dict[str, Any]
    """What makes it of the model, as `--set` takes it; null for what the model alone says."""


def structures(spec: ModelSpec, others: Iterable[ModelSpec], amount: Callable[[Counts], object]) -> list[Structure]:
    """Those of which the amount, at the model's own sizes, is another one, each once; `others` are of its family."""
    own = handles(spec)
    amounts = {amount(count(build(spec).tree))}
    different = []
    for changes in _alternatives(own, others):
        structure = _changed(own.data, changes)
        if structure is not None and (one := amount(count(build(structure.spec).tree))) not in amounts:
            amounts.add(one)
            different.append(structure)
    return different


def _alternatives(own: Handles, others: Iterable[ModelSpec]) -> Iterator[dict[Path, Any]]:
    for other in others:
        yield _of_sibling(own, other)
    for key in SWITCHES:
        for value in _values(key):
            if value != (own.data.get(key) or _values(key)[0]):
                yield {(key,): value}
    for key, (times, part) in PARTS:
        places = {path: value for path, value in _scalars(own.data) if path[-1] == key and type(value) is int}
        if places and all(value * times % part == 0 for value in places.values()):
            yield {path: value * times // part for path, value in places.items()}


def _values(key: str) -> tuple[Any, ...]:
    """What a setting of the specification may be; the first is what it is when not given."""
    (kind,) = (each for each in get_args(ModelSpec.model_fields[key].annotation) if each is not type(None))
    return (False, True) if kind is bool else get_args(kind)


def _of_sibling(own: Handles, other: ModelSpec) -> dict[Path, Any]:
    """What a sibling has otherwise; its sizes are taken for the model's own."""
    try:
        theirs = handles(other)
    except PCError:
        return {}
    sizes = {*own.head_dims, *(place.path for places in own.places.values() for place in places)}
    follow = {place.path: own.sizes[name] * place.factor for name, places in theirs.places.items()
              if name in own.sizes for place in places}
    changes = {path: int(follow[path]) if path in follow and value is not None else value
               for path, value in _differences(own.data, dump(other))
               if path not in sizes and path[0] not in UNCHANGED}
    positions = changes.pop((POSITIONS,), None)
    tables = [path for path, value in _scalars(own.data) if path[-1] == "rows" and value == own.data.get(POSITIONS)]
    return changes | dict.fromkeys([(POSITIONS,), *tables] if positions and tables else [], positions)


def _differences(mine: dict[str, Any], theirs: dict[str, Any], path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Scalars that differ, where both have the part that holds them; null for what only the first says."""
    for key in mine | theirs:
        a, b = mine.get(key), theirs.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            yield from _differences(a, b, (*path, key))
        elif a != b and not isinstance(a, dict | list) and not isinstance(b, dict | list):
            yield (*path, key), (not a if isinstance(a, bool) and b is None else b)


def _scalars(data: Mapping[str, Any], path: Path = ()) -> Iterator[tuple[Path, Any]]:
    for key, value in data.items():
        if isinstance(value, dict):
            yield from _scalars(value, (*path, key))
        else:
            yield (*path, key), value


def _changed(data: dict[str, Any], changes: Mapping[Path, Any]) -> Structure | None:
    """The model with the changes; None where there are none, or they make no model."""
    changed = deepcopy(data)
    for path, value in changes.items():
        parent = changed
        for key in path[:-1]:
            parent = parent[str(key)]
        parent[str(path[-1])] = value
    try:
        spec = ModelSpec.model_validate(changed)
        build(spec)
    except (PCError, ValidationError):
        return None
    return Structure(spec, {".".join(map(str, path)): value for path, value in changes.items()}) if changes else None
