"""A Hugging Face config.json to a specification: which class, which family, what is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from paramcalc.errors import Problem, SpecError, UnknownArchitectureError
from paramcalc.readers.families import builder, known
from paramcalc.readers.families.config import Config
from paramcalc.readers.families.data import family_data
from paramcalc.readers.families.neutral import NEUTRAL
from paramcalc.readers.quantization import quantization

if TYPE_CHECKING:
    from paramcalc.spec.model import ModelSpec


class ReadConfig(NamedTuple):
    """A specification and what the file said that it does not hold."""

    spec: ModelSpec
    unknown: tuple[Problem, ...]
    """Keys nobody knows, located; an error where strictness is asked for."""


def read_config(data: dict[str, Any], name: str = "") -> ReadConfig:
    """The specification of a config.json.

    Raises UnknownArchitectureError for a model type or class nobody wrote, SpecError for values that cannot be.
    """
    config, uncounted = _text_config(data)
    make = builder(config.model_type)
    if make is None:
        raise _unknown_type(config.model_type, (*config.path, "model_type"))
    spec = make(config)
    notes = (*spec.notes, *config.notes)
    if not config.architecture:
        notes = (*notes, f"architectures is not given: counted as the {config.task} model of {config.model_type}")
    quantize, said = quantization(data, config.data)
    notes = (*notes, *said)
    update: dict[str, Any] = {"family": config.model_type, "notes": notes, "quantize": quantize,
                              "uncounted": (*spec.uncounted, *uncounted)}
    if name and not spec.name:
        update["name"] = name
    return ReadConfig(spec.model_copy(update=update), _unknown_keys(config))


def _text_config(data: dict[str, Any]) -> tuple[Config, list[str]]:
    """The config of the text model, and the parts of a composite config that are not text."""
    model_type = data.get("model_type")
    if type(model_type) is not str:
        raise SpecError(Problem("model_type is missing" if model_type is None else "model_type must be a string",
                                ("model_type",) if "model_type" in data else (), "every config.json has one"))
    family = family_data(model_type)
    architecture = _architecture(data)
    key = family.text_key if family is not None else "text_config"
    nested = data.get(key)
    if type(nested) is not dict or builder(model_type) is not None:
        if family is None:
            raise _unknown_type(model_type, ("model_type",))
        return Config(data, family, model_type, architecture), []
    inner = nested.get("model_type", family.text_config if family else None)
    if type(inner) is not str:
        raise SpecError(Problem("model_type is missing", (key,), "say which text model it is"))
    inner_family = family_data(inner)
    if inner_family is None:
        raise _unknown_type(inner, (key, "model_type"))
    uncounted = [f"{part} ({value.get('model_type', 'no model_type')})" for part, value in data.items()
                 if part.endswith("_config") and part not in (key, "quantization_config", "generation_config")
                 and isinstance(value, dict)]
    return Config(nested, inner_family, inner, architecture, (key,), data), uncounted


def _architecture(data: dict[str, Any]) -> str:
    value = data.get("architectures")
    if value is None or value == []:
        return ""
    if type(value) is not list or not all(type(item) is str for item in value):
        raise SpecError(Problem("expected a list of class names", ("architectures",)))
    return str(value[0])


def _unknown_type(model_type: str, path: tuple[str, ...]) -> UnknownArchitectureError:
    from difflib import get_close_matches

    near = get_close_matches(model_type, known(), n=3, cutoff=0.4)
    hint = f"nearest known: {', '.join(near)}" if near else "`paramcalc list families` shows the known ones"
    return UnknownArchitectureError(Problem(f"unknown model_type {model_type[:100]!r}", path, hint))


def _unknown_keys(config: Config) -> tuple[Problem, ...]:
    family = config.family
    fine = family.defaults.keys() | family.aliases.keys() | set(family.aliases.values()) | config.read | NEUTRAL
    return tuple(Problem(f"unknown key {key[:100]!r}", (*config.path, key), "it is not counted; see the family's class")
                 for key in config.data if key not in fine and not key.startswith("_"))
