"""Composite configs: which nested config is the text model, what else there is, and how files spell its tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from paramcalc.components.embedding import Embedding
from paramcalc.errors import Problem, SpecError
from paramcalc.readers.config.config import Config
from paramcalc.readers.config.defaults import FamilyData
from paramcalc.readers.config.published import written_before
from paramcalc.readers.config.strange import NO_TOWERS, TEXT_KEYS, parts_beside, text_path
from paramcalc.readers.config.tasks import task_of
from paramcalc.readers.config.type_facts import WITHIN
from paramcalc.readers.families import family_of
from paramcalc.readers.families.decoder import MODULES
from paramcalc.readers.families.nearest import unknown_type
from paramcalc.readers.text.values import expected

if TYPE_CHECKING:
    from paramcalc.components.base import Component
    from paramcalc.spec.model import ModelSpec

BASE = "model."
"""What stands in front of the names of a class with a head, which its class without one drops."""


class TextModel(NamedTuple):
    """The text model of a composite config."""

    config: Config
    outer: FamilyData | None = None
    towers: tuple[str, ...] = ()
    """Keys of what else there is: other nested configs."""
    inside: bool = False
    """The class is the composite one, so that files spell its tensors with what stands in front."""


def text_model(data: dict[str, Any], family: FamilyData | None, model_type: str, architecture: str) -> TextModel | None:
    """The nested config that says the text model; None where this config is none that holds another.

    Published files of some types (Qwen2-VL) keep the text model's keys beside the towers, at the top. Raises SpecError
    where what should be a mapping is none, UnknownArchitectureError for a text model nobody wrote.
    """
    if family is None:
        return _strange_text(data, model_type, architecture)
    path = tuple(family.text_key.split("."))
    nested: Any = data
    for word in path:
        nested = nested.get(word) if isinstance(nested, dict) else None
        if nested is not None and not isinstance(nested, dict):
            raise SpecError(Problem(expected("a mapping", nested), path))
    usual, silent = family.text_config, False
    if not isinstance(nested, dict):
        if usual is None:
            return None
        silent = not _says_sizes(data, usual)
        nested, path = ({}, path) if silent else (data, ())
    inner = (nested.get("model_type") or usual) if path else usual
    inner_family = _inner_family(inner, path, nested)
    if silent or (path and path[0] in family.merged):
        inner_family = inner_family.filled(_filled_in(family, path))
    config = Config(nested, inner_family, str(inner), architecture, path, data)
    if nested is data and not family_of(model_type).text_at_top:
        _note_unread(config, model_type, family.text_key)
    config.ties = None if family_of(model_type).head_inside else _ties(config, data, family, model_type)
    if architecture in inner_family.classes:
        return TextModel(config, family)
    return TextModel(config, family, _towers(data, family, path[:1]), inside=True)


def _strange_text(data: dict[str, Any], model_type: str, architecture: str) -> TextModel | None:
    """The text model within a config of a type nobody wrote; None where both types are strange, so that the outer one
    is refused, with those it is most like."""
    path = text_path(data)
    if not path:
        return None
    nested = data
    for word in path:
        nested = nested[word]
    inner = nested.get("model_type")
    if path != TEXT_KEYS[:1] and type(inner) is str and family_of(inner).data is None:
        return None
    inner_family = _inner_family(inner, path, nested)
    headed = task_of(architecture) != "bare"  # such classes of published code generate
    config = Config(nested, inner_family, str(inner), architecture if headed else "", path, data)
    config.ties = _ties(config, data, None, model_type)
    config.note(f"model_type {model_type[:100]!r} is not known: the text model inside it is counted, with "
                "tensor names as in most composite types")
    return TextModel(config, None, parts_beside(data, path), inside=True)


def _inner_family(inner: object, path: tuple[str, ...], nested: dict[str, Any]) -> FamilyData:
    """The data of a text model's type. Raises SpecError where none is said, UnknownArchitectureError for a strange
    one."""
    if inner is None:
        raise SpecError(Problem("model_type is missing", path, "give the model_type of the text model"))
    family = family_of(inner).data if isinstance(inner, str) else None
    if family is None:
        raise unknown_type(str(inner), (*path, "model_type"), data=nested)
    return family


def _filled_in(family: FamilyData, path: tuple[str, ...]) -> dict[str, Any]:
    """What a composite class writes into the text model's config where a file has none."""
    values: Any = family.defaults
    for word in path:
        values = values.get(word) if isinstance(values, dict) else None
    return values if isinstance(values, dict) else {}


def _says_sizes(data: dict[str, Any], model_type: str) -> bool:
    """Whether a config says how large a text model is, in the words of its type."""
    family = family_of(model_type).data
    spelled = family.aliases if family is not None else {}
    return any(key in data or spelled.get(key) in data for key in ("hidden_size", "num_hidden_layers"))


def _note_unread(config: Config, model_type: str, key: str) -> None:
    """Which sizes the library's class would take from its defaults, where it does not look where the file says them."""
    usual = config.family.defaults
    passed = {name: value for name in usual.keys() & config.data if type(value := usual[name]) is int
              and type(config.data[name]) is int and config.data[name] != value}
    if passed:
        words = ", ".join(f"{name} {value:,}" for name, value in sorted(passed.items()))
        config.note(f"counted from the keys at the top of the file; the class of {model_type} in the library reads "
                    f"only {key} and would build its defaults: {words}")


def _around(data: dict[str, Any], path: tuple[str, ...]) -> list[dict[str, Any]]:
    """The outer config and those between it and the text model's, outermost first (Omni: the thinker's)."""
    levels = [data]
    for word in path[:-1]:
        inner = levels[-1].get(word)
        levels.append(inner if isinstance(inner, dict) else {})
    return levels


def _ties(config: Config, data: dict[str, Any], family: FamilyData | None, model_type: str) -> bool | None:
    """Whether the published file of a composite ties its head, by the release of the library that wrote it.

    Releases before 5 asked the text model's config, then its class; since then the config around it and its class
    decide, of some classes (`text_ties`) either of the two.
    A file that says no release is taken for a newer one. Where both rules differ, both counts are said.
    """
    if (file := family_of(model_type).head_apart) is not None:
        config.note(f"the head is counted separately, as {file} stores it, regardless of tie_word_embeddings")
        return False
    if family_of(model_type).never_tied:
        return False
    around = _around(data, config.path)
    before = _first((config.data, *reversed(around)), bool(config.family.defaults.get("tie_word_embeddings", False)))
    if family is None:
        return _first((*around, config.data), None)
    inner = bool(_first((config.data,), bool(config.family.defaults.get("tie_word_embeddings", False))))
    usual, text = family.defaults.get("tie_word_embeddings"), _first((config.data,), None)
    perhaps_older = written_before(data, (5, 0), unsaid=True)
    silent = text if usual is None else usual and not (perhaps_older and text is False)  # those hold a head
    since = bool(_first((around[-1],), silent)) or (inner and family_of(model_type).text_ties)
    if before != since:
        words = {True: "ties the head to the embedding", False: "holds a head of its own"}
        older = written_before(data, (5, 0))
        release = "before release 5, as this one," if older else "before release 5"
        config.note(f"a file written {release} {words[bool(before)]}, one of release 5 {words[since]}: they ask "
                    "different tie_word_embeddings; a file's tensors say which")
        return bool(before) if older else since
    return since


def _first(configs: tuple[dict[str, Any], ...], otherwise: bool | None) -> bool | None:
    """What the first of some configs says of its head and embedding."""
    words = (config.get("tie_word_embeddings") for config in configs)
    return next((word for word in words if isinstance(word, bool)), otherwise)


def _towers(data: dict[str, Any], family: FamilyData, text: tuple[str, ...]) -> tuple[str, ...]:
    """Keys of the nested configs beside the text model's, those its class fills in included."""
    fields = {**family.defaults, **data}
    text = text or ("text_config",)
    return tuple(key for key, value in fields.items() if isinstance(value, dict) and key not in (*NO_TOWERS, *text)
                 and (key.endswith("_config") or "model_type" in value))


def placed(spec: ModelSpec, model_type: str, *, bare: bool = False) -> ModelSpec:
    """The specification with names as files of a composite type spell them; `bare`: of its class without a head."""
    entry = family_of(model_type)
    front, head = entry.spelling
    if bare:  # no file older than the library's class: its own names, where older ones leave the text model unnamed
        front = (WITHIN[0] if entry.towers_beside else front).removeprefix(BASE)
    if entry.published is not None and "." not in spec.names.get("lm_head", "."):
        head = head.replace("lm_head", spec.names["lm_head"])  # InternLM 2 inside InternVL: language_model.output
    if spec.head_rows is not None:
        head = spec.names.get("lm_head", head)  # labels stand outside the text model, whatever its head is called
    if spec.modules is None:
        base = {word: spec.names.get(word, f"model.{word}") for word in MODULES}
        names = spec.names | {word: front + name.split(".", 1)[-1] for word, name in base.items()}
        inputs = {_moved(key, front, head): part for key, part in spec.inputs.items()}
        outputs = {_moved(key, front, head): part for key, part in spec.outputs.items()}
        apart = {word: {_moved(key, front, head) if key.startswith("model.") else key: _tied(part, front, head)
                        for key, part in parts.items()}
                 for word, parts in spec.apart.items()}
        return spec.model_copy(update={"names": names | ({"lm_head": head} if spec.head else {}), "inputs": inputs,
                                       "outputs": outputs, "apart": apart})
    moved = {key: _moved(key, front, head) for key in spec.modules}
    modules = {}
    for key, part in spec.modules.items():
        update: dict[str, str] = {}
        if part.path:
            update["path"] = _moved(part.path, front, head)
        if isinstance(part, Embedding) and part.tied_to:
            update["tied_to"] = moved[part.tied_to]
        modules[moved[key]] = part.model_copy(update=update) if update else part
    return spec.model_copy(update={"modules": modules})


def based(spec: ModelSpec) -> ModelSpec:
    """A composite whose towers stand where its class without a head has them: not within a base model."""
    towers = {key: tower.model_copy(update={"modules": {name.removeprefix(BASE): part for name, part in
                                                        tower.modules.items()}}) for key, tower in spec.towers.items()}
    return spec.model_copy(update={"towers": towers})


def _tied(part: Component, front: str, head: str) -> Component:
    """A part whose table is another's, named as that is now."""
    if isinstance(part, Embedding) and part.tied_to:
        return part.model_copy(update={"tied_to": _moved(part.tied_to, front, head)})
    return part


def _moved(name: str, front: str, head: str) -> str:
    first, _, rest = name.partition(".")
    if first in ("lm_head", "lm_heads"):
        return f"{head}.{rest}" if rest else head
    return front + rest if rest else name
