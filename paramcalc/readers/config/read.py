"""A Hugging Face config.json to a specification: which class, which family, what is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError

from paramcalc.errors import Problem, SpecError
from paramcalc.readers.config.accounting import accounts, parts_below
from paramcalc.readers.config.behaviour import behaviour, learned_functions
from paramcalc.readers.config.composite import TextModel, based, placed, text_model
from paramcalc.readers.config.config import Builder, Config
from paramcalc.readers.config.defaults import FamilyData
from paramcalc.readers.config.published import is_original, model_type_of, names_draft
from paramcalc.readers.config.quantization import quantization
from paramcalc.readers.config.quantization.unmatched import unmatched
from paramcalc.readers.config.rotary import recurrent, rotary
from paramcalc.readers.config.tasks import other_classes, unknown_class
from paramcalc.readers.families import family_of
from paramcalc.readers.families.nearest import unknown_type
from paramcalc.readers.text.values import expected
from paramcalc.spec.caveats import Caveat
from paramcalc.spec.lower import lower

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paramcalc.spec.model import ModelSpec


Files = dict[str, dict[str, Any]]


class ReadConfig(NamedTuple):
    """A specification and what the file said that it does not hold."""

    spec: ModelSpec
    unknown: tuple[Problem, ...]
    """Keys nobody reads that could change a size, located; an error where strictness is asked for."""
    harmless: tuple[str, ...] = ()
    """Keys nobody knows that can change no size, as they stand."""


def read_config(
    data: dict[str, Any], name: str = "", beside: dict[str, Any] | None = None, processors: Files | None = None,
) -> ReadConfig:
    """The specification of a config.json; `beside` and `processors` are what a hf_quant_config.json and, by name, the
    files of processors in the same folder hold.

    Raises UnknownArchitectureError for a model type or class nobody wrote, SpecError for values that cannot be.
    """
    try:
        return _read(data, name, beside, processors)
    except (ArithmeticError, ValidationError) as error:  # of a rule's own sums, whose key nobody can name
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise SpecError(Problem(f"its numbers do not fit together: {reason}", ("model_type",))) from error


def _read(
    data: dict[str, Any], name: str, beside: dict[str, Any] | None, processors: Files | None,
) -> ReadConfig:
    config, outer, towers, inside = understood(data)
    make = family_of(config.model_type).builder_of(config.architecture)
    if make is None:
        raise unknown_type(config.model_type, (*config.path, "model_type"), data=config.data)
    spec = _spec_from(make, config)
    uncounted: tuple[str, ...] = ()
    around = None
    if inside:
        around = Config(data, outer or FamilyData({}, {}, ()), str(model_type_of(data)), _architecture(data, outer))
        bare = around.bare and outer is not None and family_of(around.model_type).published is None
        spec, uncounted = _composite(placed(spec, around.model_type, bare=bare), around, towers, processors)
        spec = based(spec) if bare else spec
    elif spec.towers or family_of(config.model_type).takes_media:
        spec = _with_media(spec, config, processors)
    keys = accounts(config, around.family if around is not None else outer, around)
    settings = rotary(config, spec) | recurrent(config) | behaviour(config, spec)
    notes = (*spec.notes, *config.notes)
    if config.architecture:
        notes = (*notes, *_other_classes(data, config, outer))
    elif not is_original(data):
        name_of = around.architecture if around is not None else ""
        what = f"class {name_of[:100]!r} is not known" if name_of else "architectures is not given"
        notes = (*notes, f"{what}: counted as the {config.task} model of {config.model_type}")
    outermost = [around] if around is not None and around.path != config.path else []
    nested = tuple(parts_below(config, around)) if config.parts or around is not None else ()
    quantized = quantization((data, config.data), beside, nested)
    functions = learned_functions((config, *outermost, *nested))
    notes = (*notes, *quantized.notes)
    update: dict[str, Any] = {"family": config.model_type, "notes": notes,
                              "quantize": (*spec.quantize, *quantized.rules) if quantized.rules else (),
                              "caveats": (*spec.caveats, *_unverified(config, outer), *quantized.caveats,
                                           *_storage_caveats(keys.storage), *functions),
                              "uncounted": (*spec.uncounted, *uncounted, *keys.uncounted),
                              "unread": tuple(problem.dotted() for problem in keys.unread),
                              "defaults": keys.defaults} | settings
    if name and not spec.name:
        update["name"] = name
    spec = spec.model_copy(update=update)
    _refuse_impossible(spec, config)
    if quantized.skipped and (more := tuple(unmatched(quantized.skipped, spec))):
        spec = spec.model_copy(update={"notes": (*spec.notes, *more)})
    return ReadConfig(spec, keys.unread, keys.harmless)


def _other_classes(data: dict[str, Any], config: Config, outer: FamilyData | None) -> tuple[str, ...]:
    """Classes named beside the one that is counted, where those of its type are known: not of code of its own."""
    names = data.get("architectures")
    if not names or (len(names) == 1 and "auto_map" not in data):
        return ()
    types = {config.model_type, str(model_type_of(data))}
    families = [family for family in (config.family, outer) if family is not None]
    classes = {name for family in families for name in (*family.classes, *family.renamed, *family.renamed.values())}
    if not classes or any(family_of(name).published is not None for name in types):
        return ()
    return tuple(other_classes(data, config.architecture, classes))


def _unverified(config: Config, outer: FamilyData | None) -> tuple[Caveat, ...]:
    """That a count rests on the source of a class alone, where no published total was at hand to hold it against."""
    if not config.family.unverified and (outer is None or not outer.unverified):
        return ()
    sources = dict.fromkeys(family.unverified for family in (outer, config.family) if family and family.unverified)
    return tuple(Caveat(figure="parameters", known="bound",
                        reason=f"not verified against a published total: read off {source}") for source in sources)


def _storage_caveats(keys: Sequence[str]) -> tuple[Caveat, ...]:
    """That keys nobody reads may say how the weights are held."""
    return tuple(Caveat(figure="weights", known="unknown", reason=f"{key[:200]} could change how the weights are held, "
                        "and is not used") for key in keys)


def _composite(
    text: ModelSpec, around: Config, towers: tuple[str, ...], processors: Files | None,
) -> tuple[ModelSpec, tuple[str, ...]]:
    """The text model with its towers, and what is not counted."""
    from paramcalc.readers.families.towers.composite import with_towers

    try:
        spec, uncounted = with_towers(text, around, towers)
    except ValidationError as error:
        from paramcalc.readers.config.locate import blamed

        raise blamed(error, around) from error
    spec = _with_media(spec, around, processors)
    return spec.model_copy(update={"composite": around.model_type, "notes": (*spec.notes, *around.notes)}), uncounted


def _with_media(spec: ModelSpec, around: Config, processors: Files | None) -> ModelSpec:
    """A model with towers, with the rules its processor cuts pictures and recordings by."""
    from paramcalc.readers.families.towers.pictures import with_media
    from paramcalc.readers.families.towers.processors import Beside

    try:
        return with_media(spec, around, Beside.of(processors or {}))
    except ValidationError as error:
        from paramcalc.readers.config.locate import blamed

        raise blamed(error, around) from error


def _spec_from(make: Builder, config: Config) -> ModelSpec:
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
    """The config to count, by itself or inside a composite one. Raises UnknownArchitectureError for a type or class
    nobody wrote, SpecError where none is said."""
    if names_draft(data):
        from paramcalc.readers.families.decoders.drafts import draft_config, refuse_strange_speculator

        if (draft := draft_config(data)) is not None:
            return TextModel(draft)
        refuse_strange_speculator(data)
    model_type = model_type_of(data)
    if type(model_type) is not str:
        raise SpecError(Problem("model_type is missing" if model_type is None else expected("a string", model_type),
                                ("model_type",) if "model_type" in data else (), "every config.json has one"))
    family = family_of(model_type).data
    architecture = _architecture(data, family)
    if family is not None and family_of(model_type).builder_of(architecture) is not None:
        _refuse_unknown_class(architecture, model_type, family)
        return TextModel(Config(data, family, model_type, architecture))
    if family is not None and "encoder" in family.defaults | data:
        raise unknown_type(model_type, ("model_type",), architecture, data)
    spec = text_model(data, family, model_type, architecture)
    if spec is None:
        raise unknown_type(model_type, ("model_type",), architecture, data)
    if family is not None:
        _refuse_unknown_class(architecture, model_type, family, spec.config.family)
    return spec


def _refuse_unknown_class(architecture: str, model_type: str, *families: FamilyData) -> None:
    """A class of another name may be another model: a draft of it, a reward model, somebody's own."""
    if not architecture or any(architecture in family.classes for family in families):
        return
    classes = [name for family in families for name in family.classes]
    renamed = [name for family in families for name in family.renamed.values()]
    if classes and architecture not in (*classes, *renamed):
        raise unknown_class(architecture, model_type, classes)


def _architecture(data: dict[str, Any], family: FamilyData | None) -> str:
    """The class a config names, by the name the library or its own repository has for it; '' where it names none."""
    value = data.get("architectures")
    if value is None or value == []:
        return ""
    if type(value) is not list or not all(type(item) is str for item in value):
        raise SpecError(Problem(expected("a list of class names", value), ("architectures",)))
    name = str(value[0])
    return name if family is None else family.renamed.get(name, name)
