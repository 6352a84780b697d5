"""Model types that a config of an unknown type may be like: by the class it names and the keys it holds, then by name.

Only refusals come here, since the data of every known type is read.
"""

from __future__ import annotations

import re
from math import fsum
from typing import TYPE_CHECKING

from paramcalc.catalog.same_types import SAME
from paramcalc.errors import Problem, UnknownArchitectureError
from paramcalc.readers.config.defaults import model_types, namesakes
from paramcalc.readers.config.neutral import NEUTRAL, NEUTRAL_PREFIXES
from paramcalc.readers.families import counted_types, family_of
from paramcalc.readers.families.refused import can_be_counted, composite_of, reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FEW = 3
"""With fewer keys than these, only the name says what is meant."""
ROOTS = ("vit", "t5", "mamba", "mixtral", "bert", "llama")
"""Types that others are told from: named first where several have the same keys, the last
of them before the others."""


def unknown_type(
    model_type: str, path: tuple[str, ...], architecture: str = "", data: Mapping[str, object] | None = None,
) -> UnknownArchitectureError:
    """A refusal of a model type nobody wrote, with the known ones that the config `data` is most like."""
    why, near = reason(model_type), nearest(model_type, data or {}, architecture)
    outer = composite_of(model_type) if why else ""
    if outer and can_be_counted(outer):
        near = [outer, *(name for name in near if name != outer)][:3]
    hint = f"nearest known: {', '.join(near)}" if near else "`paramcalc list families` shows the known ones"
    message = f"unknown model_type {model_type[:100]!r}" + (f": {why}" if why else "")
    return UnknownArchitectureError(Problem(message, path, hint))


def nearest(model_type: str, data: Mapping[str, object], architecture: str = "", count: int = 3) -> list[str]:
    """Up to `count` known model types, the likeliest first.

    A key that few types have says more than one that all have; of types with the same keys the one that others are
    told from comes first, then the one with the fewest other keys. One that shares the most keys is always among them,
    whatever the others are called. `fsum`, since a tie must not hang on a set's order.
    """
    first = [name for name in namesakes(architecture) if family_of(name).builder]
    keys = {key for key in data if key not in NEUTRAL and not key.startswith(NEUTRAL_PREFIXES)} - {"model_type"}
    spellings = {name: defaults.spellings for name in _candidates() if (defaults := family_of(name).data) is not None}
    weights = {key: 1 / owners for key in keys if (owners := sum(key in own for own in spellings.values()))}
    share = 1 / len(keys) if len(keys) >= FEW else 0
    scores = {name: (_alike(model_type, name) + share * fsum(1 + 3 * weights[key] for key in weights.keys() & own),
                     ROOTS.index(name) if name in ROOTS else -1, not name.endswith("_text"), -len(own))
              for name, own in spellings.items()}
    ranked = sorted(scores, key=scores.__getitem__, reverse=True)
    likely = list(dict.fromkeys([*first, *(name for name in ranked if scores[name][0] > FLOOR)]))[:count]
    shared = {name: len(keys & spellings[name]) for name in ranked}
    most = max(ranked, key=shared.__getitem__)  # of several the likeliest
    if shared[most] >= FEW and all(shared.get(name, 0) < shared[most] for name in likely):
        return [*likely[: count - 1], most]
    return likely


FLOOR = 0.3
"""What is less alike than this is no help."""


def _candidates() -> Iterable[str]:
    """Types with a row of their own, and composite types around one."""
    composite = (name for name in model_types() if (data := family_of(name).data) is not None
                 and data.text_config and family_of(data.text_config).builder)
    return dict.fromkeys([*(name for name in counted_types() if name not in SAME), *composite])


def _alike(one: str, other: str) -> float:
    """How alike two names are: 1 where one begins with the other, else little, and only where they are nearly equal."""
    short, long = sorted((_plain(one), _plain(other)), key=len)
    if len(short) >= FEW and long.startswith(short):
        return len(short) / len(long)
    from difflib import SequenceMatcher

    ratio = SequenceMatcher(None, short, long).ratio()
    return ratio if ratio >= 0.75 else 0.0


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name.lower())
