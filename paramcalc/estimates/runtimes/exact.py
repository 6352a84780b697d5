"""What the mathematics needs and nothing else: no padding, no pages, no driver."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from paramcalc.estimates.runtimes import SERVED, Profile
from paramcalc.measures.cache import Cache, Mixer, Serving, Types, exact

if TYPE_CHECKING:
    from collections.abc import Iterable

VERSION = "no runtime"
SOURCE = "paramcalc.measures.cache"
PROFILE = Profile("tp", formats=SERVED, mixes=True, smaller=("fp8", "int4"),
                  notes=(("overhead", "none: a lower bound of every runtime"),))


class Options(NamedTuple):
    """What can be set."""

    chunk: int = 1
    """Tokens of each sequence computed at once: with more of them no runtime needs less."""


def cache(kinds: Iterable[Mixer], serving: Serving, cache_types: Types, options: Options) -> Cache:
    """What the next token needs."""
    return exact(kinds, serving, cache_types)


def chunk(serving: Serving, options: Options) -> int:
    """Tokens computed at once, of all sequences together."""
    return serving.batch * min(options.chunk, serving.context)


def logit_rows(serving: Serving, options: Options) -> int:
    """Positions whose logits are computed at once: the last of each sequence."""
    return serving.batch
