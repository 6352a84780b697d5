"""How named blocks are laid out: a list of names and `{repeat, of}`, and the same said as short as possible."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

from paramcalc.components.base import Strict
from paramcalc.components.problems import impossible

MAX_LAYERS = 4096
MAX_DEPTH = 4


class Repeat(Strict):
    """`repeat` times the items of `of`, in order."""

    repeat: Annotated[int, Field(ge=1, le=MAX_LAYERS)]
    of: Annotated[tuple[Item, ...], Field(strict=False, min_length=1, max_length=MAX_LAYERS)]


def _item_kind(value: object) -> str:
    return "name" if isinstance(value, str) else "repeat"


Item = Annotated[
    Annotated[str, Tag("name")] | Annotated[Repeat, Tag("repeat")],
    Discriminator(_item_kind),
]
"""A block's name or a repetition; told apart first, so that an error speaks of one of them only."""


Layout = Annotated[tuple[Item, ...], Field(strict=False, min_length=1, max_length=MAX_LAYERS)]


def unroll(items: Sequence[str | Repeat], depth: int = 0) -> list[str]:
    """Every layer's block name, in order. The product is checked before it is made."""
    if depth > MAX_DEPTH:
        raise impossible(f"layers nest deeper than {MAX_DEPTH}", "write the inner pattern out")
    names: list[str] = []
    for item in items:
        inner, times = ([item], 1) if isinstance(item, str) else (unroll(item.of, depth + 1), item.repeat)
        if len(names) + len(inner) * times > MAX_LAYERS:
            raise impossible(f"layers unroll to more than {MAX_LAYERS}", "lower repeat")
        names += inner * times
    return names


def roll(names: Sequence[str]) -> list[Any]:
    """A layout that unrolls to `names`: a repeated period first, then runs. For people to read, not the shortest."""
    for period in range(1, len(names) // 2 + 1):
        times = next((t for t in range(len(names) // period, 1, -1) if list(names[:period]) * t
                      == list(names[: period * t])), 0)
        if times > 1 and (period == 1 or period * times * 2 > len(names)):
            rest = names[period * times:]
            inner = roll(names[:period]) if period > 1 else [names[0]]
            return [{"repeat": times, "of": inner}, *(roll(rest) if rest else [])]
    return list(names[:1]) + (roll(names[1:]) if names[1:] else [])
