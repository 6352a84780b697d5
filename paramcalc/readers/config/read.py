"""A Hugging Face config.json to a specification: which class, which family, what is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError

from paramcalc.errors import Problem, SpecError
from paramcalc.readers.config.behaviour import behaviour
from paramcalc.readers.config.composite import TextModel, placed, text_model
from paramcalc.readers.config.config import Builder, Config
from paramcalc.readers.config.defaults import FamilyData, family_data
from paramcalc.readers.config.neutral import ANY, NEUTRAL, NEUTRAL_AT, NEUTRAL_IN, NEUTRAL_PREFIXES
from paramcalc.readers.config.quantization import quantization
from paramcalc.readers.config.rotary import recurrent, rotary
from paramcalc.readers.families import builder, unknown_type
from paramcalc.spec.lower import lower

if TYPE_CHECKING:
    from collections.abc import Collection

    from paramcalc.spec.model import ModelSpec


class ReadConfig(NamedTuple):
    """A specification and what the file said that it does not hold."""

    spec: ModelSpec
    unknown: tuple[Problem, ...]
    """Keys nobody knows, located; an error where strictness is asked for."""


def read_config(
    data: dict[str, Any], name: str = "", beside: dict[str, Any] | None = None, pictures: dict[str, Any] | None = None,
) -> ReadConfig:
    """The specification of a config.json; `beside` and `pictures` are what a hf_quant_config.json and a
    preprocessor_config.json in the same folder hold.

    Raises UnknownArchitectureError for a model type or class nobody wrote, SpecError for values that cannot be.
    """
    try:
        return _read(data, name, beside, pictures)
    except (ArithmeticError, ValidationError) as error:  # of a rule's own sums, whose key nobody can name
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise SpecError(Problem(f"its numbers do not fit together: {reason}", ("model_type",))) from error


def _read(
    data: dict[str, Any], name: str, beside: dict[str, Any] | None, pictures: dict[str, Any] | None,
) -> ReadConfig:
    config, outer, towers, inside = understood(data)
    make = builder(config.model_type)
    if make is None:
        raise unknown_type(config.model_type, (*config.path, "model_type"))
    spec = _made(make, config)
    uncounted: tuple[str, ...] = ()
    if inside:
        spec, uncounted = _whole(placed(spec, str(data["model_type"])), data, TextModel(config, outer, towers),
                                 pictures)
    notes = (*spec.notes, *config.notes)
    if not config.architecture:
        notes = (*notes, f"architectures is not given: counted as the {config.task} model of {config.model_type}")
    quantized = quantization((data, config.data), beside)
    notes = (*notes, *quantized.notes)
    update: dict[str, Any] = {"family": config.model_type, "notes": notes, "quantize": quantized.rules,
                              "caveats": (*spec.caveats, *quantized.caveats),
                              "uncounted": (*spec.uncounted, *uncounted)}
    update |= rotary(config, spec) | recurrent(config) | behaviour(config, spec)
    if name and not spec.name:
        update["name"] = name
    spec = spec.model_copy(update=update)
    _refuse_impossible(spec, config)
    return ReadConfig(spec, _unknown_keys(config, outer))


def _whole(
    text: ModelSpec, data: dict[str, Any], model: TextModel, pictures: dict[str, Any] | None,
) -> tuple[ModelSpec, tuple[str, ...]]:
    """The text model with its towers, and what is not counted."""
    from paramcalc.readers.families.towers.whole import with_towers

    around = Config(data, model.outer or FamilyData({}, {}, ()), str(data["model_type"]), _architecture(data))
    try:
        spec, uncounted = with_towers(text, around, model.towers, pictures)
    except ValidationError as error:
        from paramcalc.readers.config.locate import blamed

        raise blamed(error, around) from error
    return spec.model_copy(update={"notes": (*spec.notes, *around.notes)}), uncounted


def _made(make: Builder, config: Config) -> ModelSpec:
    """What a builder makes of a config; values no component can have are the config's fault, and located there."""
    try:
        return make(config)
    except ValidationError as error:
        from paramcalc.readers.config.locate import blamed  # only refusals pay for it

        raise blamed(error, config) from error


def _refuse_impossible(spec: ModelSpec, config: Config) -> None:
    try:
        lower(spec)
    except SpecError as error:
        from paramcalc.readers.config.locate import replaced

        raise replaced(error, config) from error


def understood(data: dict[str, Any]) -> TextModel:
    """The config to count, by itself or inside a composite one."""
    model_type = data.get("model_type")
    if type(model_type) is not str:
        raise SpecError(Problem("model_type is missing" if model_type is None else "model_type must be a string",
                                ("model_type",) if "model_type" in data else (), "every config.json has one"))
    family, architecture = family_data(model_type), _architecture(data)
    if family is not None and builder(model_type) is not None:
        return TextModel(Config(data, family, model_type, architecture))
    if family is not None and "encoder" in family.defaults | data:
        raise unknown_type(model_type, ("model_type",), architecture)
    found = text_model(data, family, model_type, architecture)
    if found is None:
        raise unknown_type(model_type, ("model_type",), architecture)
    return found


def _architecture(data: dict[str, Any]) -> str:
    value = data.get("architectures")
    if value is None or value == []:
        return ""
    if type(value) is not list or not all(type(item) is str for item in value):
        raise SpecError(Problem("expected a list of class names", ("architectures",)))
    return str(value[0])


def _unknown_keys(config: Config, outer: FamilyData | None) -> tuple[Problem, ...]:
    found = _strange(config.data, config.family, config.model_type, config.path, config.read, outer)
    if outer is not None and config.path and config.outer is not None:
        model_type = str(config.outer.get("model_type"))
        again = {config.path[0], *_repeated(config.outer, config)}
        return _strange(config.outer, outer, model_type, (), again) + found
    return found


def _repeated(outer: dict[str, Any], config: Config) -> set[str]:
    """Keys around a text model that only say again what it says itself."""
    said = config.family.defaults | config.data
    return {key for key, value in outer.items() if key in said and _same(value, said[key])}


def _strange(
    data: dict[str, Any], family: FamilyData, model_type: str, path: tuple[str, ...], read: Collection[str],
    also: FamilyData | None = None,
) -> tuple[Problem, ...]:
    known = family.spellings if also is None else family.spellings | also.spellings
    strange = [key for key, value in data.items()
               if not (key in known or key in read or key in NEUTRAL or key.startswith(NEUTRAL_PREFIXES))
               and not _usual(key, value, model_type)
               and not (path == () and isinstance(value, dict) and key.endswith("_config"))]
    return tuple(Problem(f"unknown key {key[:100]!r}", (*path, key), "it is not counted; see the family's class")
                 for key in strange)


def _usual(key: str, value: object, model_type: str) -> bool:
    here = NEUTRAL_IN.get(model_type, {}).get(key)
    return here == ANY or any(_same(value, usual) for usual in (*NEUTRAL_AT.get(key, ()), *(here or ())))


def _same(value: object, other: object) -> bool:
    return type(value) is type(other) and value == other
