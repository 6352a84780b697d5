"""Which fields of a specification its shape is made of, and how they move together.

A shape is a handful of sizes; each stands at one or more places of the specification, times a constant: a shared expert
of twice an expert's width, a state mixer of twice the hidden size, the same heads in every block.
"""

from __future__ import annotations

from copy import deepcopy
from fractions import Fraction
from math import gcd
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pydantic import ValidationError

from paramcalc.errors import Problem, UsageError
from paramcalc.spec.depth import depths, set_depth, set_depths
from paramcalc.spec.dump import dump
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Size = Literal["hidden_size", "num_heads", "num_kv_heads", "width", "dense_width", "experts"]
"""`width`: of a feed-forward, or of an expert where there are experts; `dense_width`: of dense layers among those."""
SIZES: tuple[Size, ...] = ("hidden_size", "num_heads", "num_kv_heads", "width", "dense_width", "experts")
WITH_HIDDEN = ("inner_size", "dt_rank", "width", "in_features", "out_features", "hidden_size", "output_size",
               "embedding_size", "lru_width", "latent_size")
"""Fields of parts that follow the hidden size."""
OUTWARD = ("out_features", "output_size")
"""Those of them that are outputs."""
MIXED_HEADS = "value_heads"
"""Heads of a linear mixer, which follow those of attention where there is any, as in every published model with both;
its key heads stay, as key heads of attention do."""
CACHED_HEADS = "cache_heads"
"""Heads that are cached, where those are all heads though their keys are shared."""
LINEAR, FEATURES, CHANNELS = "linear", ("in_features", "out_features"), ("in_channels", "out_channels")
SHARED = "shared_size"
"""Width of the experts every token visits: as many experts wide as before."""
HEADED = (None, "attention", "latent_attention")
"""Kinds whose heads are a size of their own; those of other mixers follow the hidden size."""
UNSCALED = ("apart", "expect", "quantize", "training", "names", "towers")

Path = tuple[str | int, ...]
"""Keys, and the index in a shape."""


class Place(NamedTuple):
    """Where a size stands, and by what it is multiplied there."""

    path: Path
    factor: Fraction


class Handles(NamedTuple):
    """A model's plain data with the places of its sizes."""

    data: dict[str, Any]
    places: dict[Size, tuple[Place, ...]]
    sizes: dict[Size, int]
    """As the model has them; a size it lacks is absent."""
    layers: int
    """Of the deepest stack."""
    stacks: tuple[int, ...]
    """Layers of each stack; they keep their proportions."""
    head_dims: dict[Path, int]
    """Given to the new shape where the model leaves them to follow from its heads."""
    head_dim: int
    """Width of one head of the first attention; 0 for a model without."""

    @property
    def depth_step(self) -> int:
        """The deepest stack's layers are a multiple of it, so that all stacks' are whole."""
        return self.layers // gcd(*self.stacks)

    def depths(self, layers: int) -> list[int]:
        """Layers of each stack, of so many in the deepest."""
        return [stack * layers // self.layers for stack in self.stacks]

    def changes(self, sizes: Mapping[Size, int], layers: int) -> dict[str, Any] | None:
        """What `--set` needs for a shape, by dotted key; None where a place would not be a whole number."""
        data = self._data(sizes)
        if data is None:
            return None
        paths = [place.path for places in self.places.values() for place in places]
        keys = [path if isinstance(path[-1], str) else path[:-1] for path in (*paths, *self.head_dims)]
        depth = {"num_layers": layers} if self.depth_step == 1 else set_depths(data, self.depths(layers))
        return depth | {".".join(map(str, path)): _find(data, path) for path in keys}

    def spec(self, sizes: Mapping[Size, int], layers: int) -> ModelSpec | None:
        """The specification of a shape; None where a place would not be a whole number, or its sizes do not go
        together (heads of another kind of layer that keep their number)."""
        data = self._data(sizes)
        if data is None:
            return None
        if self.depth_step == 1:
            set_depth(data, layers)
        else:
            set_depths(data, self.depths(layers))
        try:
            return ModelSpec.model_validate(data)
        except ValidationError:
            return None

    def _data(self, sizes: Mapping[Size, int]) -> dict[str, Any] | None:
        """The model's plain data with other sizes; None where a place would not be a whole number."""
        data = deepcopy(self.data)
        for name, places in self.places.items():
            for place in places:
                value = sizes[name] * place.factor
                if value.denominator != 1 or value < 1:
                    return None
                _set(data, place.path, int(value))
        for path, width in self.head_dims.items():
            _set(data, path, width)
        return data


def handles(spec: ModelSpec) -> Handles:
    """The sizes of a model. Raises UsageError for one whose layers or feed-forwards have no one size to vary."""
    data = dump(spec)
    for key in ("expect", "apart"):
        data.pop(key, None)
    stacks = depths(data)
    if not stacks:
        raise UsageError(Problem("has no layers to vary", hint="give --like a model with layers"))
    sizes: dict[Size, int] = {}
    places: dict[Size, tuple[Place, ...]] = {}
    for name in SIZES:
        if at := tuple(_places(data, name)):
            sizes[name] = _get(data, at[0].path)
            places[name] = tuple(_relative(data, place, sizes[name]) for place in at)
    if sizes.get("dense_width") == sizes.get("width", 0):  # one size, as in Jamba
        places["width"] += places.pop("dense_width")
        del sizes["dense_width"]
    _follow_width(data, places, sizes)
    if "width" not in sizes and "num_heads" not in sizes and not places["hidden_size"][1:]:
        raise UsageError(Problem("has neither heads nor feed-forwards to vary", hint="give another --like"))
    return Handles(data, places, sizes, max(stacks), stacks, _head_dims(data, spec.hidden_size),
                   _head_dim(data, places))


def _head_dim(data: dict[str, Any], places: Mapping[Size, tuple[Place, ...]]) -> int:
    if "num_heads" not in places:
        return 0
    path = places["num_heads"][0].path
    attention = _find(data, path[:-1])
    for width in (attention.get("v_head_dim"), attention.get("head_dim"), data.get("head_dim")):
        if isinstance(width, int):
            return width
    hidden_size: int = attention.get("hidden_size") or data["hidden_size"]
    return hidden_size // _get(data, path)


def _head_dims(data: dict[str, Any], hidden_size: int) -> dict[Path, int]:
    """Widths of heads that follow from a hidden size, by the place where they can be given."""
    return {(*path, "head_dim"): parent.get("hidden_size", hidden_size) // parent["num_heads"]
            for path, parent in _mappings(data)
            if type(parent.get("num_heads")) is int and parent.get("kind") in (None, "attention")
            and "head_dim" not in parent and "head_dim" not in data}


def _relative(data: Mapping[str, Any], place: Place, size: int) -> Place:
    return Place(place.path, Fraction(_get(data, place.path), size))


def _follow_width(data: dict[str, Any], places: dict[Size, tuple[Place, ...]], sizes: dict[Size, int]) -> None:
    """Shared experts are as many experts wide as before."""
    if "width" in sizes:
        shared = [Place((*place.path[:-1], SHARED), Fraction(0)) for place in places["width"]]
        places["width"] += tuple(_relative(data, place, sizes["width"]) for place in shared
                                 if isinstance(_find(data, place.path), int))


def _places(data: dict[str, Any], name: Size) -> Iterator[Place]:
    one = Fraction(1)
    if name == "hidden_size":
        yield from _joins(data)
    mixed = any(parent.get("kind") == "moe" for _, parent in _mappings(data))
    headed = any("num_heads" in parent and parent.get("kind") in HEADED for _, parent in _mappings(data))
    followers = []
    for path, parent in _mappings(data):
        if parent.get("pairs") is True:  # a table of one bias a head for distances between tokens
            if name == "num_heads" and type(parent.get("hidden_size")) is int:
                yield Place((*path, "hidden_size"), one)
            continue
        if name == "hidden_size" and path:
            yield from _of_shape(path, parent, data["hidden_size"])
        for key, value in parent.items():
            if type(value) is not int:
                continue
            followed = {MIXED_HEADS: "num_heads" if headed else "hidden_size", CACHED_HEADS: "num_heads"}.get(key)
            if value and name == followed:
                followers.append(Place((*path, key), one))
            elif (_is(name, key, parent.get("kind"), top=not path, mixed=mixed)
                  or _of_part(name, key, parent, data["hidden_size"])):
                yield Place((*path, key), one)
    yield from followers  # after the heads they follow


def _joins(data: dict[str, Any]) -> Iterator[Place]:
    """Where towers, which stay as they are, lead into the text model: outputs as wide as that, and inputs after one."""
    hidden = data["hidden_size"]
    for key, tower in data.get("towers", {}).items():
        joined = False
        for path, part in _mappings(tower, ("towers", key)) if tower["hidden_size"] != hidden else ():
            if "kind" not in part:
                continue
            yield from _of_shape(path, part, hidden)
            for field in WITH_HIDDEN:
                if part.get(field) == hidden and (joined or field in OUTWARD):
                    yield Place((*path, field), Fraction(1))
            joined = any(part.get(field) == hidden for field in OUTWARD)


def _of_shape(path: Path, part: dict[str, Any], hidden_size: int) -> Iterator[Place]:
    """Axes of a tensor, whose shape is written out, that are as long as the hidden size."""
    shape = part.get("shape")
    for index, length in enumerate(shape if isinstance(shape, list) else ()):
        if length == hidden_size:
            yield Place((*path, "shape", index), Fraction(1))


def _is(name: Size, key: str, kind: object, *, top: bool, mixed: bool) -> bool:
    match name:
        case "hidden_size":
            inner = not top and key in WITH_HIDDEN and kind not in (None, LINEAR)
            return (top and key == "hidden_size") or inner or (key == "num_heads" and kind not in HEADED)
        case "num_heads" | "num_kv_heads":
            return key == name and kind in HEADED
        case "experts":
            return key == "experts"
        case "width":
            return key == "intermediate_size" and (kind == "moe") == mixed
        case "dense_width":
            return key == "intermediate_size" and mixed and kind != "moe"


def _of_part(name: Size, key: str, part: Mapping[str, Any], hidden_size: int) -> bool:
    """Whether a length of a convolution or a linear part is that size: feed-forwards written as two parts meet in their
    width, and what a head puts out are classes."""
    if part.get("kind") == "convolution":
        return name == "hidden_size" and key in CHANNELS and part[key] == hidden_size
    if part.get("kind") != LINEAR or key not in FEATURES:
        return False
    if part.get("component") == "ffn" and part[key] != hidden_size:
        return name == "width"
    classes = key in OUTWARD and part.get("component") == "lm_head" and part[key] != hidden_size
    return name == "hidden_size" and not classes


def _mappings(data: dict[str, Any], path: Path = ()) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every mapping of the specification that may hold sizes, the whole first."""
    yield path, data
    for key, value in data.items():
        if isinstance(value, dict) and not (path == () and key in UNSCALED):
            yield from _mappings(value, (*path, key))


def _find(data: Any, path: Path) -> Any:  # noqa: ANN401 - plain data
    for key in path:
        if isinstance(data, dict) and key not in data:
            return None
        data = data[key]
    return data


def _get(data: Any, path: Path) -> int:  # noqa: ANN401 - plain data
    value = _find(data, path)
    return value if isinstance(value, int) else 0


def _set(data: Any, path: Path, value: int) -> None:  # noqa: ANN401 - plain data
    for key in path[:-1]:
        data = data[key]
    data[path[-1]] = value
