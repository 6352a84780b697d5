"""What each class of the library says when a config.json is silent: generated data, read a line at a time."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

from paramcalc.catalog.same_types import SAME
from paramcalc.readers.config.published_types import PUBLISHED_TYPES
from paramcalc.readers.config.type_facts import CLASS_ALIASES, KEY_ALIASES


class FamilyData:
    """Defaults and spellings of one `model_type`, as `tests/oracle/class_defaults.py` read them off the library."""

    def __init__(self, defaults: dict[str, Any], aliases: dict[str, str], classes: tuple[str, ...],
                 text_config: str | None = None, text_key: str = "text_config",
                 renamed: dict[str, str] | None = None, unverified: str = "",
                 attention_keys: tuple[str, ...] | None = None, merged: tuple[str, ...] = ()) -> None:
        self.defaults = defaults
        self.aliases = aliases
        """Attribute to the key files use: `hidden_size` to `n_embd`."""
        self.attributes = {key: tuple(name for name in aliases if aliases[name] == key) for key in aliases.values()}
        """The other way round."""
        self.classes = classes
        self.renamed = renamed or {}
        """Class names of published files to the class they mean."""
        self.endings = frozenset(name[start:] for name in classes for start in range(len(name))
                                 if name[start : start + 3] in ("For", "LMH"))
        """How the names of its classes end: `ForCausalLM`, `LMHeadModel`."""
        self._usual = {key: defaults[alias] for key, alias in aliases.items() if alias in defaults} | defaults
        self.unverified = unverified
        """The source of a type whose count could not be held against a published total."""
        self.attention_keys = attention_keys
        """Keys its attention asks for though its config has none of that name; None where not every key of the class is
        known."""
        self.merged = merged
        """Keys of nested configs whose defaults here hold where a file gives a part of such a config; of other keys
        they hold where it gives none."""
        self.text_config = text_config
        """model_type of the text model inside a composite config."""
        self.text_key = text_key
        self.spellings = frozenset([*defaults, *aliases, *aliases.values()])
        """Every key a class has, however spelled."""
        self._spelled: dict[tuple[str, ...], tuple[str, ...]] = {}

    def spelled(self, keys: tuple[str, ...]) -> tuple[str, ...]:
        """Those of some keys that the class has, in their order."""
        if (spellings := self._spelled.get(keys)) is None:
            spellings = self._spelled[keys] = tuple(key for key in keys if key in self.spellings)
        return spellings

    def spelling(self, key: str, data: dict[str, Any]) -> str:
        """The key as a file spells it, else as its class does. Of several spellings the class takes the last that is
        no field of its own, since it sets those after its fields."""
        own = self.aliases.get(key, key)
        if own not in self.attributes:
            return key
        names = [name for name in (own, *self.attributes[own]) if name in data]
        if len(names) < 2:
            return names[0] if names else own
        names.sort(key=[*data].index)
        return next((name for name in reversed(names) if name not in self.defaults), names[-1])

    def answers(self, data: dict[str, Any]) -> dict[str, Any]:
        """The value of each key of a file and of its class: as the file spells it, else the class's default."""
        answers = self._usual | data
        for own, attributes in self.attributes.items():
            name = self.spelling(own, data)
            if name in data:
                answers |= dict.fromkeys((own, *attributes), data[name])
        return answers

    def filled(self, defaults: dict[str, Any]) -> FamilyData:
        """The same class where another fills its config with values of its own."""
        return FamilyData({**self.defaults, **defaults}, self.aliases, self.classes, self.text_config, self.text_key,
                          self.renamed, self.unverified, self.attention_keys, self.merged)


TABLES = ("defaults.json", "tower_defaults.json")
"""Types that are or hold a text model; all others, asked for only where there is a tower."""


@cache
def _text(table: str = TABLES[0]) -> str:
    return files("paramcalc.readers.config").joinpath(table).read_text(encoding="utf-8")


@cache
def library_version() -> str:
    """The transformers release the defaults were read off."""
    match = re.search(r'"transformers": "([^"]+)"', _text()[:200])
    return match.group(1) if match else ""


@cache
def model_types() -> tuple[str, ...]:
    """Every model type the data knows."""
    return tuple(re.findall(r'^"([^"]+)": \{', _text(), re.MULTILINE))


@cache
def family_data(model_type: str) -> FamilyData | None:
    """The data of one model type; only its own line is parsed, since most calls need one of several hundred."""
    if (same := SAME.get(model_type)) is not None:
        original = family_data(same.type)
        return None if original is None else FamilyData(
            original.defaults, original.aliases, original.classes, original.text_config, original.text_key,
            original.renamed | same.classes, original.unverified, original.attention_keys, original.merged)
    for table in TABLES:
        text = _text(table)
        start = text.find(f'\n"{model_type}": {{')
        if start >= 0:
            return _parsed(text[start + 1 : text.index("\n", start + 1)], model_type)
    return _published(model_type)


def _published(model_type: str) -> FamilyData | None:
    """The data of a type whose class lives in a repository of its own."""
    entry = PUBLISHED_TYPES.get(model_type)
    if entry is None:
        return None
    return FamilyData(entry.defaults, entry.aliases, entry.classes, entry.text_type, entry.text_key, entry.renamed,
                      "" if entry.verified else entry.source)


def _parsed(line: str, model_type: str) -> FamilyData:
    defaults = json.loads("{" + line.rstrip().removesuffix(",") + "}")[model_type]
    aliases = defaults["aliases"] | KEY_ALIASES.get(model_type, {})
    return FamilyData(defaults["defaults"], aliases, tuple(defaults["classes"]), defaults.get("text_config"),
                      defaults.get("text_config_key", "text_config"), CLASS_ALIASES.get(model_type),
                      attention_keys=tuple(defaults.get("asked", ())), merged=tuple(defaults.get("merged", ())))


def holders(model_type: str) -> tuple[str, ...]:
    """Model types whose class holds a part of this type where its config does not say otherwise. Only refusals ask."""
    part = re.escape(json.dumps(model_type))
    names = [name for table in TABLES
             for name in re.findall(rf'^"([^"]+)": \{{.*"model_type":{part}', _text(table), re.MULTILINE)]
    return tuple(name for name in names if name != model_type)


def namesakes(architecture: str) -> tuple[str, ...]:
    """Model types a class of this name is called after: several hundred lines are searched, so only refusals ask."""
    if not architecture.isidentifier():
        return ()
    types = re.findall(rf'^"([^"]+)": \{{.*"{re.escape(architecture)}"', _text(), re.MULTILINE)
    return tuple(name for name in types if architecture.lower().startswith(re.sub("[_-]", "", name)))
