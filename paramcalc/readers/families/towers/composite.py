"""Towers: what stands beside a text model, by the model type of its own config, and what joins it to the text model.

A tower is a function of its config and of the place its tensors stand at. A whole model is a function that names its
towers and gives what leads from them into the text model. Both are found by model type in `tables.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from paramcalc.component_names import TowerName
from paramcalc.errors import Problem, SpecError, UnknownArchitectureError
from paramcalc.readers.config.behaviour import activation
from paramcalc.readers.config.config import Config
from paramcalc.readers.config.defaults import FamilyData
from paramcalc.readers.config.published_wholes import OUTSIDE
from paramcalc.readers.config.strange import TEXT_KEYS
from paramcalc.readers.families import family_of
from paramcalc.readers.text.values import expected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paramcalc.components.base import Parts
    from paramcalc.spec.caveats import Caveat
    from paramcalc.spec.model import ModelSpec
    from paramcalc.spec.tower import Stream, Tower

TowerBuilder = Callable[[Config, str], "Tower"]
Towers = dict[str, "Tower"]
UNTYPED = "no model_type"
"""What is said of a nested config that names no type: its composite class knows which it is."""


class Composite(NamedTuple):
    """A composite config, and the text model that was made of it."""

    config: Config
    text: ModelSpec
    uncounted: list[str]
    """Parts nobody can count; those who meet them add to it."""
    caveats: list[Caveat]
    """Why a figure is less than exact."""

    def at(self, name: str) -> str:
        """Where files spell a part of the composite class: beside the text model, or with it inside `model`."""
        entry = family_of(self.config.model_type)
        outside = entry.spelling == OUTSIDE or entry.towers_beside
        return name if outside else f"model.{name}"

    def join(self, modules: Parts, into: int, name: str = "projector", *, stream: Stream = "image_tokens",
             component: TowerName | None = "projector") -> Towers:
        """What leads from a tower `into` values wide to the text model, under the names of the composite class."""
        from paramcalc.readers.families.towers.frame import tower

        placed = {self.at(key): part for key, part in modules.items()}
        return {name: tower(component, into, placed, stream=stream)}

    def part(self, key: str, usual: str) -> Config:
        """A nested config as its own class reads it, of the type `usual` where it says none."""
        return nested(self.config, key, usual)

    def part_as(self, key: str, kind: str) -> Config:
        """A nested config read as `kind`, whatever type it says: a class of its own under another's name."""
        return nested(self.config, key, kind, typed=False)

    def tower(self, key: str, at: str, usual: str, written: dict[str, int] | None = None) -> Towers:
        """The tower a nested config says, named as the key is; nothing, and said so, where its type is not known.

        `written`: values the composite class writes into the nested config, whatever it says.
        """
        config = self.part(key, usual)
        if written:
            config.override(written)
        make = builder(config.model_type)
        name = key.removesuffix("_config")
        try:
            tower = make(config, self.at(at)) if make is not None else None
        except UnknownArchitectureError as error:
            config.notes += [str(problem) for problem in error.problems]
            tower = None
        if tower is None:
            config.uncounted = True
            self.config.read.add(key)
            self.uncounted.append(f"{key} ({config.model_type[:100]})")
            self.config.notes += [note for note in config.notes if note not in self.config.notes]
            return {}
        self.config.notes += [note for note in config.notes if note not in self.config.notes]
        return {name: tower}


def nested(outer: Config, key: str, usual: str, *, typed: bool = True) -> Config:
    """The config under `key`, of the type it says, else of `usual`; of `usual` at any rate where the config is
    not `typed`. Raises SpecError where it is no mapping."""
    usually = outer.family.defaults.get(key)
    usually = usually if isinstance(usually, dict) else {}
    value: Any = outer.get(key)
    silent = value is None or outer.spelled(key) not in outer.data
    if silent:
        value = usually
    if not isinstance(value, dict):
        raise outer.expected(key, "a mapping")
    named = value.get("model_type") if typed else None
    kind = named or usual
    if kind == outer.model_type:
        kind = usual  # files written before towers had types of their own
    if not isinstance(kind, str):
        raise SpecError(Problem(expected("a string", kind), (*outer.path, key, "model_type")))
    if (family := family_of(kind).data) is None:
        unknown = kind == named and builder(kind) is None  # no class fills in what a file of a strange type leaves out
        # of a class without a type of its own the outer's data says it all
        family = FamilyData({}, {}, ()) if unknown else family_of(usual).data or FamilyData(usually, {}, ())
    filled = silent or key in outer.family.merged
    return outer.part(key, {} if silent else value, family.filled(usually) if filled else family, kind)


def builder(model_type: str) -> TowerBuilder | None:
    """What makes a tower of a config of this type; None where nobody wrote it."""
    make: TowerBuilder | None = family_of(model_type).tower_builder
    return None if make is None else partial(_behaving, make)


def _behaving(make: TowerBuilder, config: Config, at: str) -> Tower:
    """A tower, and how its class computes while it is trained."""
    tower, word = make(config, at), activation(config)
    return tower.model_copy(update={"family": config.model_type} | ({"activation": word} if word else {}))


def composite_builder(model_type: str) -> Callable[[Composite], Towers] | None:
    """What gives the towers of a composite type; None where nobody wrote it."""
    make: Callable[[Composite], Towers] | None = family_of(model_type).composite_builder
    return make


def with_towers(text: ModelSpec, outer: Config, towers: tuple[str, ...]) -> tuple[ModelSpec, tuple[str, ...]]:
    """The text model with what stands beside it; and what is left of `towers`, keys of nested configs, uncounted."""
    make = composite_builder(outer.model_type)
    model = Composite(outer, text, [], [])
    if make is None:
        return _named_alike(model, towers)
    try:
        built = make(model)
    except SpecError as error:
        strange = any(kind != UNTYPED and builder(kind) is None for kind in (_type(outer, key) for key in towers))
        if not strange or error.problems[0].path[:1] == ("architectures",):
            raise
        outer.parts.clear()
        return _named_alike(Composite(outer, text, [], []), towers)  # what joins a strange tower asks for its width
    uncounted = [f"{key} ({_type(outer, key)})" for key in towers if key not in outer.read]
    return (text.model_copy(update={"towers": built, "caveats": (*text.caveats, *model.caveats)}),
            (*model.uncounted, *uncounted))


def _named_alike(model: Composite, towers: tuple[str, ...]) -> tuple[ModelSpec, tuple[str, ...]]:
    """The towers of a composite nobody wrote, as far as their own types are known; never what joins them."""
    built: Towers = {}
    for path in towers:
        *levels, key = path.split(".")
        around = _level(model.config, levels)
        kind = _type(around, key)
        if builder(kind) is None:
            around.read.add(key)
            model.uncounted.append(f"{path} ({kind})")
        else:
            tower = model._replace(config=around).tower(key, key.removesuffix("_config") + "_tower", kind)
            built |= {"_".join((*levels, name)): tower for name, tower in tower.items()}
    if towers:
        model.uncounted.append(f"what joins {', '.join(towers)} to the text model ({model.config.model_type[:100]})")
    return model.text.model_copy(update={"towers": built}), tuple(model.uncounted)


def _level(config: Config, levels: Sequence[str]) -> Config:
    """The config below others that stand one in the other."""
    for key in levels:
        place = (*config.path, key)
        below = next((part for part in config.parts if part.path == place), None)
        config.read.add(key)
        config = below or config.part(key, config.data[key], FamilyData({}, {}, ()), config.model_type)
        config.read |= {*TEXT_KEYS}
    return config


def _type(outer: Config, key: str) -> str:
    for data in (outer.data, outer.family.defaults):
        value = data.get(key)
        if isinstance(value, str):
            return value[:100]
        if isinstance(value, dict) and isinstance(value.get("model_type"), str):
            return str(value["model_type"])[:100]
    return UNTYPED
