"""Every key of a config accounted for: read, known to change no size, harmless as it stands, or able to change a size.

A key that could change a size and that nobody reads makes every size a lower bound, so it must be told from those that
cannot: crying wolf is the same fault as silence. A size that the file does not say comes from the class's defaults and
is listed; where the file says something that looks like it under a name the class does not know, it is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from paramcalc.errors import Problem, SpecError
from paramcalc.readers.config.neutral import ANY, NEUTRAL, NEUTRAL_AT, NEUTRAL_PREFIXES
from paramcalc.readers.config.plausible import vet
from paramcalc.readers.config.published import model_type_of
from paramcalc.readers.config.strange import NO_TOWERS
from paramcalc.readers.families import family_of
from paramcalc.readers.text.size_words import could_change_a_size, could_change_bytes, is_size, looks_like

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from paramcalc.readers.config.config import Config
    from paramcalc.readers.config.defaults import FamilyData

    Data = dict[str, object]
    Entry = tuple[tuple[str, ...], str, object]
    """Path, key and value."""

TOWERS = ("vision", "visual", "image", "audio", "speech", "video", "projector", "tower", "encoder", "decoder", "talker",
          "token2wav", "code2wav", "vq", "qformer", "depth", "codec", "perceiver")
"""Words in the names of nested configs that describe a further part of the model."""
NAMED_TOWERS = frozenset([*TOWERS, "backbone", "clip", "multimodal", "vae", "vit", "vocoder", "whisper"]) - {
    "decoder", "depth"}
"""The same, as words of keys that name such a part, or say that there is one."""


class Accounts(NamedTuple):
    """What of a config was not read, and what was not in it."""

    unread: tuple[Problem, ...]
    """Keys nobody reads that could change a size, located."""
    harmless: tuple[str, ...]
    """Keys nobody knows that can change none, as they stand."""
    uncounted: tuple[str, ...]
    """Further parts: nested configs that a model of text alone does not have, and those that are merely named."""
    defaults: dict[str, int]
    """Sizes that the file does not say, from the defaults of its class, by dotted key."""
    storage: tuple[str, ...] = ()
    """Keys nobody reads that could change how the weights are held, dotted."""


def accounts(config: Config, outer: FamilyData | None, composite: Config | None = None) -> Accounts:
    """Account for every key of a config, of what stands around it, and of the nested configs of either that were read.

    Raises SpecError where an unknown key looks like a size that is taken from the class's defaults, and where a key
    holds what its class cannot take.
    """
    around = composite.read if composite is not None else set()
    read = {*config.read, *around} if outer is not None and not config.path else config.read
    strange = [*_strange(config.data, config.family, config.model_type, config.path, read,
                         None if config.path else outer)]
    if outer is not None and config.path and config.outer is not None:
        again = {config.path[0], *around, *_repeated(config.outer, config)}
        strange = [*_strange(config.outer, outer, str(model_type_of(config.outer)), (), again), *strange]
    towers = _towers(strange, config, alone=outer is None)
    rest = [entry for entry in strange if entry not in towers] if towers else strange
    unread = _unread(rest, config)
    defaults = _defaults(config)
    _refuse_look_alikes(config, unread, defaults)
    for each in (config, composite):
        if each is not None:
            config.note(*vet(each))
    if not strange and not defaults and not config.parts and composite is None:
        return Accounts((), (), (), defaults)
    defaults = {".".join((*config.path, key)): value for key, value in defaults.items()}
    for part in parts_below(config, composite):
        read = {*part.read, *(key for inner in part.parts for key in _repeated(part.data, inner))}
        strange = [] if part.uncounted else [*_strange(part.data, part.family, part.model_type, part.path, read)]
        named = _towers(strange, part, alone=False)
        strange, towers = [entry for entry in strange if entry not in named], [*towers, *named]
        nested = _unread(strange, part)
        sizes = _defaults(part)
        _refuse_look_alikes(part, nested, sizes)
        if not part.uncounted:
            config.note(*vet(part))
        rest, unread = [*rest, *strange], [*unread, *nested]
        defaults |= {".".join((*part.path, key)): value for key, value in sizes.items()}
    problems = (Problem(f"unknown key {key[:100]!r}: it could change a size, so every size is a lower bound",
                        (*path, key), "see the family's class; a key that changes no size can be set to null")
                for path, key in unread)
    places = set(unread)
    return Accounts(tuple(problems),
                    tuple(".".join((*path, key)) for path, key, _ in rest if (path, key) not in places),
                    tuple(f"{'.'.join((*path, key))} ({_type_of(value)})" for path, key, value in towers), defaults,
                    tuple(".".join((*path, key)) for path, key, value in rest if could_change_bytes(key, value)))


def _unread(strange: list[Entry], config: Config) -> list[tuple[tuple[str, ...], str]]:
    """Path and key of what could change a size and says nothing again that a key that is read says."""
    return [(path, key) for path, key, value in strange
            if could_change_a_size(key, value) and not _repeats(key, value, config)]


def parts_below(*configs: Config | None) -> Iterator[Config]:
    """The nested configs that were read below some, each once: several readers may have asked it as several classes."""
    places: dict[tuple[str, ...], Config] = {}
    waiting = [part for config in configs if config is not None for part in config.parts]
    while waiting:
        part = waiting.pop(0)
        waiting += part.parts
        first = places.setdefault(part.path, part)
        if first is not part:
            first.read |= part.read | part.family.spellings
            first.sizes |= part.sizes
            first.uncounted |= part.uncounted
    if configs[0] is not None:
        places.pop(configs[0].path, None)  # it is accounted for by itself
    yield from places.values()


def _defaults(config: Config) -> dict[str, int]:
    """Sizes asked for that no spelling of the file says and the class does."""
    family, data = config.family, config.data
    if config.sizes.keys() <= data.keys():
        return {}
    return {key: size for key, size in config.sizes.items()
            if key not in data and size > 0 and config.spelled(key) not in data and is_size(key) and key not in NEUTRAL
            and size in (family.defaults.get(key), family.defaults.get(family.aliases.get(key, "")),
                         config.assumed.get(key))}


def _refuse_look_alikes(config: Config, unread: list[tuple[tuple[str, ...], str]], defaults: dict[str, int]) -> None:
    if not unread:
        return
    problems = [Problem(f"unknown key {key[:100]!r} looks like {name}, which is not given: the default of the class "
                        f"is {size:,}", (*path, key), f"write {config.spelled(name)}")
                for path, key in unread for name, size in defaults.items()
                if path == config.path and looks_like(key, name)]
    if problems:
        raise SpecError(*problems)


def _strange(data: Data, family: FamilyData, model_type: str, path: tuple[str, ...], read: Collection[str],
             also: FamilyData | None = None) -> Iterator[Entry]:
    """What neither the class nor a reader nor the lists of neutral keys know."""
    unlisted = {*data} - family.spellings - NEUTRAL  # sets: a view's difference goes through all of the other
    if also is not None:
        unlisted -= also.spellings
    for key, value in data.items() if unlisted else ():
        if (key not in unlisted or key in read or key in NO_TOWERS or key.startswith(NEUTRAL_PREFIXES)
                or _usual(key, value, model_type)):
            continue
        if path == () and also is None and _nested_elsewhere(key, value, family):
            continue
        yield path, key, value


def _nested_elsewhere(key: str, value: object, family: FamilyData) -> bool:
    """Nested configs of a composite model are accounted for where its towers are."""
    return family.text_config is not None and isinstance(value, dict) and key.endswith("_config")


def _repeated(outer: Data, config: Config) -> set[str]:
    """Keys around a text model that only say again what it says itself."""
    inner = config.family.defaults | config.data
    return {key for key, value in outer.items() if key in inner and _same(value, inner[key])}


def _usual(key: str, value: object, model_type: str) -> bool:
    here = family_of(model_type).neutral.get(key)
    return here == ANY or any(_same(value, usual) or _each(value, usual)
                              for usual in (*NEUTRAL_AT.get(key, ()), *(here or ())))


def _repeats(key: str, value: object, config: Config) -> bool:
    """Whether a key says again, in another word, what a key that is read says."""
    name = family_of(config.model_type).repeats.get(key)
    if name is not None:
        usual = config.get(name)
        return _same(value, usual) or _each(value, usual)
    return any(_same(value, size) and looks_like(key, other) for other, size in config.sizes.items())


def _same(value: object, other: object) -> bool:
    return type(value) is type(other) and value == other


def _each(value: object, other: object) -> bool:
    """Whether a list says one value for every layer."""
    return isinstance(value, list) and bool(value) and all(_same(item, other) for item in value)


def _towers(strange: list[Entry], config: Config, *, alone: bool) -> list[Entry]:
    """What of a config is a further part, or names one; `alone`: no composite config is around it."""
    text = alone and not family_of(config.model_type).takes_media
    return [(path, key, value) for path, key, value in strange
            if _names_tower(key, value, text=text) or (alone and not path and _is_tower(key, value))]


def _is_tower(key: str, value: object) -> bool:
    return isinstance(value, dict) and bool(value) and key.endswith("_config") and any(word in key for word in TOWERS)


def _names_tower(key: str, value: object, *, text: bool) -> bool:
    """Whether a key names a tower by where it comes from: `audio_tokenizer` does, which turns sound into tokens,
    `audio_token` does not. Of a model of `text` alone also by a word, or saying that there is one: a model with towers
    has many words for how it uses those it has."""
    words = frozenset(key.lower().split("_"))
    if NAMED_TOWERS.isdisjoint(words) or any(word.startswith("token") and word != "tokenizer" for word in words):
        return False
    if isinstance(value, str):
        return bool(value) and not value.startswith("<") and (text or "/" in value)
    return text and value is True


def _type_of(value: object) -> str:
    if isinstance(value, str):
        return value[:100]
    return str(value.get("model_type", "no model_type"))[:100] if isinstance(value, dict) else "no config"
