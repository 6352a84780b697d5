"""Layer patterns: every spelling configs have for them, decoded into one word a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.layout import MAX_LAYERS
from paramcalc.errors import LAYERS
from paramcalc.numbers import many

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from paramcalc.readers.config.config import Config

FULL, SLIDING, CHUNKED, LINEAR = "full", "sliding", "chunked", "linear"

WORDS: dict[str, str] = {
    "full_attention": FULL, "attention": FULL, "global": FULL, "global_attention": FULL, "hybrid": "hybrid",
    "sliding_attention": SLIDING, "local": SLIDING, "local_attention": SLIDING, "sliding_window": SLIDING,
    "chunked_attention": CHUNKED, "linear_attention": LINEAR, "mamba": LINEAR, "conv": "conv",
    "recurrent": "recurrent", "indexed_attention": "indexed", "minimax_m3_sparse": "indexed",
}
"""How files spell what a layer's mixer is."""


ATTENTION = (FULL, SLIDING, CHUNKED)
"""The mixers that are softmax attention over all tokens or some."""


def spelled(words: Collection[str]) -> list[str]:
    """How files spell some mixers, each as the library's newest release writes it."""
    return [next((file for file, word in WORDS.items() if word == mixer), mixer) for mixer in words]


EXPERTS = ("n_routed_experts", "num_experts", "num_local_experts")
"""How classes spell how many experts a layer has."""
FEED_FORWARDS = {"dense": "dense", "sparse": "moe", "moe": "moe", "hash_moe": "hash"}
"""How files spell what a layer's feed-forward is."""


def mixers(config: Config, otherwise: Sequence[str] = (), words: dict[str, str] | None = None) -> list[str]:
    """One word a layer from `layer_types`, or `otherwise` where the config has none (full attention by default).
    Raises SpecError for a word nobody knows, or another number of them than layers."""
    kinds = WORDS if words is None else words
    types = config.listed("layer_types", str, config.layers)
    if types is None:
        return list(otherwise) or [FULL] * config.layers
    if not kinds.keys() >= set(types):
        index = next(index for index, word in enumerate(types) if word not in kinds)
        raise config.error("layer_types", f"unknown layer kind {types[index][:60]!r}", f"known: {', '.join(kinds)}",
                           index, LAYERS)
    return [kinds[word] for word in types]


def unique_names(kinds: Sequence[tuple[object, ...]], words: Sequence[str]) -> list[str]:
    """The word of each layer, numbered where layers of one word are of different kinds (widths, sharing)."""
    names: dict[tuple[object, ...], str] = {}
    for kind, word in zip(kinds, words, strict=True):
        if kind not in names:
            alike = [name for name in names.values() if name == word or name.rsplit("_", 1)[0] == word]
            names[kind] = f"{word}_{len(alike) + 1}" if alike else word
    return [names[kind] for kind in kinds]


def every(config: Config, period: int, last: str = FULL, rest: str = SLIDING) -> list[str]:
    """`last` at each `period`-th layer, `rest` elsewhere."""
    return [last if (i + 1) % period == 0 else rest for i in range(config.layers)]


def from_layer(config: Config, first: int, before: str = "dense", after: str = "moe") -> list[str]:
    """`before` for the first layers, `after` from layer `first` on (`first_k_dense_replace`)."""
    return [before if i < first else after for i in range(config.layers)]


def sparse_step(config: Config, step_key: str = "decoder_sparse_step", only_key: str = "mlp_only_layers") -> list[str]:
    """`moe` at each `decoder_sparse_step`-th layer that `mlp_only_layers` does not name (Qwen2-MoE)."""
    if config.integer("num_experts", 1, least=0) == 0:
        return ["dense"] * config.layers
    step = config.integer(step_key, 1)
    dense = set(config.listed(only_key, int) or ())
    _noted_beyond(config, step_key, step)
    return ["moe" if i not in dense and (i + 1) % step == 0 else "dense" for i in range(config.layers)]


def sparse_layers(config: Config, first: int = 0) -> list[str]:
    """`mlp_layer_types`; else `moe` from `first_k_dense_replace` on, in each layer `moe_layer_freq` allows. Raises
    SpecError as `mixers`."""
    config.read |= {"first_k_dense_replace", "moe_layer_freq"}
    types = config.listed("mlp_layer_types", str, config.layers) if config.has("mlp_layer_types") else None
    if types is None:
        first = config.integer("first_k_dense_replace", first, least=0)
        _noted_beyond(config, "first_k_dense_replace", first)
        return _sparse_from(config, first)
    for index, word in enumerate(types):
        if word not in FEED_FORWARDS:
            raise config.error("mlp_layer_types", f"unknown layer kind {word[:60]!r}",
                               f"known: {', '.join(FEED_FORWARDS)}", index, LAYERS)
    return [FEED_FORWARDS[word] for word in types]


def _sparse_from(config: Config, first: int) -> list[str]:
    """`moe_layer_freq` is a period, or a flag for each layer."""
    if isinstance(config.get("moe_layer_freq"), list):
        flags = config.per_layer("moe_layer_freq", config.layers)
    else:
        period = config.integer("moe_layer_freq", 1)
        flags = [int(i % period == 0) for i in range(config.layers)]
    return ["moe" if i >= first and flag else "dense" for i, flag in enumerate(flags)]


def _noted_beyond(config: Config, key: str, first: int) -> None:
    """That a file puts the first layer with experts behind the last one is noted, where there are experts."""
    usual = config.family.defaults
    numbers = [config.data.get(name, usual.get(name)) for name in EXPERTS]
    experts = any(type(number) is int and number > 1 for number in numbers)
    if experts and first > config.layers and config.spelled(key) in config.data:
        config.note(f"none of the {many(config.layers, 'layer')} has experts: {config.spelled(key)} is {first:,}")


def sparse_but_first(config: Config) -> list[str]:
    """`mlp_layer_types`; else all layers but the first, whatever else the config says."""
    return sparse_layers(config) if config.get("mlp_layer_types") is not None else from_layer(config, 1)


def sliding_from(config: Config) -> list[str]:
    """Qwen2's rule: layers from `max_window_layers` on slide, if `use_sliding_window` and a window is set."""
    slides = config.flag("use_sliding_window") and config.optional("sliding_window") is not None
    first = config.integer("max_window_layers", config.layers, least=0)
    return [SLIDING if slides and i >= first else FULL for i in range(config.layers)]


def used_sliding(config: Config) -> list[str]:
    """Qwen3-MoE's rule: every layer slides if a window is set and `use_sliding_window` says that it counts."""
    return all_sliding(config) if config.flag("use_sliding_window") else [FULL] * config.layers


def all_sliding(config: Config) -> list[str]:
    """Mistral's rule: every layer slides if a window is set."""
    return [FULL if config.optional("sliding_window") is None else SLIDING] * config.layers


def at_indices(config: Config, key: str, at: str = FULL, rest: str = LINEAR, *, none: str | None = None) -> list[str]:
    """`at` for the layers a list names, `rest` elsewhere; every layer `none` where there is no list."""
    indices = config.listed(key, int)
    if indices is None:
        return [none or rest] * config.layers
    return [at if i in set(indices) else rest for i in range(config.layers)]


def at_offset(config: Config, period_key: str, offset_key: str, at: str, rest: str) -> list[str]:
    """`at` where the layer's index modulo a period is an offset (Jamba)."""
    period, offset = config.integer(period_key), config.integer(offset_key, least=0)
    return [at if i % period == offset else rest for i in range(config.layers)]


def interval(config: Config) -> list[str]:
    """Full attention at each `full_attention_interval`-th layer (Qwen3-Next)."""
    return every(config, config.integer("full_attention_interval", 4), FULL, LINEAR)


def cycled(config: Config, key: str, words: dict[str, str]) -> list[str]:
    """A period of words, repeated over the layers (RecurrentGemma). Raises SpecError as `mixers`."""
    period = config.listed(key, str) or []
    for index, word in enumerate(period):
        if word not in words:
            raise config.error(key, f"unknown layer kind {word[:60]!r}", f"known: {', '.join(words)}", index,
                               LAYERS)
    if not period:
        raise config.error(key, "must name at least one layer kind", code=LAYERS)
    return [words[period[i % len(period)]] for i in range(config.layers)]


LETTERS = {"M": LINEAR, "*": FULL, "-": "mlp", "E": "moe"}
ONE_PART = WORDS | {"moe": "moe", "mlp": "mlp"}


def one_part_layers(config: Config, key: str, letters_key: str, otherwise: Sequence[str]) -> list[str]:
    """Nemotron-H: each layer is a mixer or a feed-forward, from a list of words or a string of letters. Raises
    SpecError as `mixers`, and for more than 4,096 layers."""
    words = config.listed(key, str)
    letters = config.text(letters_key)
    if words is None and not letters:
        return list(otherwise)
    if words is None:
        for index, letter in enumerate(letters):
            if letter not in LETTERS:
                raise config.error(letters_key, f"unknown letter {letter!r}", f"known: {' '.join(LETTERS)}", index,
                                   LAYERS)
        parts = [LETTERS[letter] for letter in letters]
    else:
        parts = [ONE_PART.get(word, "") for word in words]
        if "" in parts:
            index = parts.index("")
            raise config.error(key, f"unknown layer kind {words[index][:60]!r}",
                               f"known: {', '.join(ONE_PART)}", index, LAYERS)
    if not 0 < len(parts) <= MAX_LAYERS:
        raise config.error(letters_key if words is None else key,
                           f"must name 1 to {MAX_LAYERS:,} layers, found {len(parts):,}", code=LAYERS)
    return parts


def own_layers(config: Config, keys: Collection[str]) -> dict[int, dict[str, int]]:
    """What layers say otherwise than the rest, by their number: `per_layer_config`, which may say `keys`.

    Raises SpecError for anything else it says: a size of a layer, which nothing else tells."""
    settings = config.get("per_layer_config", {})
    if not isinstance(settings, dict) or not all(key.isdecimal() and isinstance(own, dict)
                                                 for key, own in settings.items()):
        raise config.expected("per_layer_config", "a mapping of layers to what differs in them")
    if not all(type(value) is int and 0 < value <= 2**24 for own in settings.values() for value in own.values()):
        raise config.expected("per_layer_config", "integers of at least 1")
    if strange := {key for own in settings.values() for key in own} - set(keys):
        raise config.error("per_layer_config", f"unknown key {min(strange)[:60]!r}", f"known: {', '.join(keys)}")
    if beyond := [key for key in settings if int(key) >= config.layers]:
        raise config.error("per_layer_config", f"there is no layer {beyond[0][:20]} of {config.layers}")
    return {int(key): own for key, own in settings.items()}
