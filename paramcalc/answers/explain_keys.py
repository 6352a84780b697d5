"""`explain --of keys`: which keys of a spec or config change which figures, found by changing each.

Every key is given other values, one at a time, and the model is read and measured again: what moves is what the key is
a size of. What moves nothing (learning rates, dropout, a rotary base) is a hyperparameter, whatever it is called.
"""

from __future__ import annotations

from copy import deepcopy
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from paramcalc.build import build
from paramcalc.errors import PCError, Problem, UsageError
from paramcalc.measures.cache import Serving, exact, mixers, types
from paramcalc.measures.flops import Workload, flops
from paramcalc.measures.parameters import count
from paramcalc.measures.weights import weight_bytes
from paramcalc.readers.models import interpret
from paramcalc.spec.media import NO_MEDIA
from paramcalc.transforms.formats import in_formats

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paramcalc.readers.models import Reading
    from paramcalc.spec.model import ModelSpec

CONTEXT = 2**20
"""Tokens at which caches are measured: windows are shorter."""
FIGURES = ("parameters", "active", "buffers", "weights", "cache", "flops")
OURS = ("paramcalc", "name", "names", "source", "family", "notes", "expect", "unread", "defaults")
"""Keys of a spec that say nothing of the model itself."""
MOST_KEYS = 400


class KeyEffect(NamedTuple):
    """What a key of the spec or config changes."""

    key: str
    """Dotted, as `--set` takes it."""
    value: str
    moves: tuple[str, ...]
    """Figures that another value changes; none of a hyperparameter."""
    tried: tuple[str, ...]
    """Values that gave a model; none where the key stands for a choice, or cannot change alone."""
    doubled: float | None = None
    """The total of parameters over its own, with twice the value."""


def key_effects(reading: Reading) -> list[KeyEffect]:
    """What every number and switch of the document moves: the count first, then other figures, then nothing.

    Raises UsageError for a model without a document.
    """
    data = reading.document.data
    if not data:
        raise UsageError(Problem("has no keys: it is a checkpoint or a specification that is read",
                                 hint="give a spec or a config.json"))
    original = _figures(reading.spec)
    effects = [_effect(reading, original, key, value) for key, value in islice(_scalars(data), MOST_KEYS)]
    return sorted(effects, key=lambda effect: (not effect.moves, "parameters" not in effect.moves))


def _scalars(data: dict[str, Any], path: str = "") -> Iterator[tuple[str, object]]:
    """Numbers, switches and words by dotted key; keys that hold a dot, which `--set` cannot name, are left out."""
    for name, value in data.items():
        if "." in str(name) or (not path and name in OURS):
            continue
        if isinstance(value, dict):
            yield from _scalars(value, f"{path}{name}.")
        elif value is None or isinstance(value, bool | int | float | str):
            yield f"{path}{name}", value


def _effect(reading: Reading, original: dict[str, int], key: str, value: object) -> KeyEffect:
    moves: set[str] = set()
    tried: list[str] = []
    doubled = None
    for other in _others(value):
        try:
            figures = _figures(_changed(reading, key, other))
        except PCError:
            continue
        tried.append(other)
        moves |= {name for name in FIGURES if figures[name] != original[name]}
        if type(value) is int and other == str(2 * value) and original["parameters"]:
            doubled = round(figures["parameters"] / original["parameters"], 4)
    return KeyEffect(key, "null" if value is None else str(value), tuple(name for name in FIGURES if name in moves),
                     tuple(tried), doubled)


def _others(value: object) -> list[str]:
    """Values that could stand in place of a value, as `--set` takes them."""
    if isinstance(value, bool):
        return [str(not value).lower()]
    if isinstance(value, int):
        return [str(other) for other in dict.fromkeys((2 * value, value // 2, value + 1)) if other not in (0, value)]
    return [str(2 * value)] if isinstance(value, float) and value else []


def _changed(reading: Reading, key: str, other: str) -> ModelSpec:
    document = reading.document._replace(data=deepcopy(reading.document.data))
    document.data.pop("expect", None)
    return interpret(document, reading.spec.name, (f"{key}={other}",)).spec


def _figures(spec: ModelSpec) -> dict[str, int]:
    """The figures a key can move."""
    model = build(spec)
    counts, tree, source = count(model.tree), model.tree, spec.source_tokens()
    return {
        "parameters": counts.total, "active": counts.active, "buffers": counts.buffers,
        "weights": weight_bytes(in_formats(model, None).tree).total,
        "cache": exact(mixers(tree), Serving(CONTEXT, source=source), types("bf16")).bytes,
        "flops": flops(tree, Workload(1, CONTEXT, 0, NO_MEDIA.attended(source, CONTEXT), "causal")).forward,
    }
