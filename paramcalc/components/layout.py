"""How named blocks are laid out: a list of names and `{repeat, of}`, and the same said as short as possible."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, Discriminator, Field, Tag

from paramcalc.components.base import Strict
from paramcalc.components.problems import impossible
from paramcalc.errors import LAYERS
from paramcalc.numbers import many

MAX_LAYERS = 4096
MAX_DEPTH = 4


class Repeat(Strict):
    """`repeat` times the items of `of`, in order."""

    repeat: Annotated[int, Field(ge=1, le=MAX_LAYERS)]
    of: Annotated[tuple[Item, ...], Field(strict=False, min_length=1, max_length=MAX_LAYERS)]


def _item_kind(value: object) -> str:
    return "a name" if isinstance(value, str) else "a repetition"


Item = Annotated[
    Annotated[str, Tag("a name")] | Annotated[Repeat, Tag("a repetition")],
    Discriminator(_item_kind),
]
"""A block's name or a repetition; told apart first, so that an error speaks of one of them only. The tags are no keys
of a document, so that they can be told from those in an error's place."""


def _bounded(items: tuple[str | Repeat, ...]) -> tuple[str | Repeat, ...]:
    unroll(items)
    return items


Layout = Annotated[tuple[Item, ...], Field(strict=False, min_length=1, max_length=MAX_LAYERS), AfterValidator(_bounded)]
"""What `layers` and a stack hold; its product is bounded."""


def unroll(items: Sequence[str | Repeat], depth: int = 0) -> list[str]:
    """Every layer's block name, in order. Raises PydanticCustomError for too many, before they are made."""
    if depth > MAX_DEPTH:
        raise impossible(f"layers nest deeper than {MAX_DEPTH}", "write the inner pattern out", code=LAYERS)
    names: list[str] = []
    for item in items:
        inner, times = ([item], 1) if isinstance(item, str) else (unroll(item.of, depth + 1), item.repeat)
        if len(names) + len(inner) * times > MAX_LAYERS:
            raise impossible(f"layers unroll to more than {MAX_LAYERS:,}", "lower repeat", code=LAYERS)
        names += inner * times
    return names


def continued(names: Sequence[str], layers: int) -> list[str]:
    """The pattern of `names` over another number of layers: cut after so many, or its period repeated further.

    Layers before the period (dense ones before those with experts) stay where they are. Raises ValueError where no
    period fills the latter half at least, so that nothing says what would come next.
    """
    if layers <= len(names):
        return [*names[:layers]]
    if layers > MAX_LAYERS:
        raise ValueError(f"{layers:,} layers are more than {MAX_LAYERS:,}")
    period = _last_period(names)
    if not period:
        raise ValueError(f"no period fills half of the {many(len(names), 'layer')}, so nothing says how they go on")
    extended = [*names]
    while len(extended) < layers:
        extended.append(extended[-period])
    return extended


def _last_period(names: Sequence[str]) -> int:
    """The period that ends with the last layer, at least twice and over half of the layers, and starts first; 0 if
    there is none."""
    best, first = 0, len(names)
    if len(set(names)) == 1:
        return 1
    for period in range(1, len(names) // 2 + 1):
        start = len(names) - period
        while start and names[start - 1] == names[start - 1 + period]:
            start -= 1
        length = len(names) - start
        if length >= max(2 * period, len(names) / 2) and start + period < first + best:
            best, first = period, start
    return best


def roll(names: Sequence[str]) -> list[Any]:
    """A layout that unrolls to `names`: at each place the period that covers most. For people to read."""
    blocks: list[Any] = []
    start = 0
    while start < len(names):
        period, times = _best_period(names, start)
        inner = names[start : start + period]
        blocks += [{"repeat": times, "of": roll(inner) if period > 1 else [*inner]}] if times > 1 else inner
        start += period * times
    return blocks


def _best_period(names: Sequence[str], start: int) -> tuple[int, int]:
    """The period from `start` whose repetitions cover most layers, the shortest of equals; (1, 1) if none repeats."""
    best = (1, 1)
    for period in range(1, (len(names) - start) // 2 + 1):
        if names[start + period] != names[start]:
            continue
        first, times = names[start : start + period], 1
        while names[start + period * times : start + period * (times + 1)] == first:
            times += 1
        if times > 1 and period * times > best[0] * best[1]:
            best = (period, times)
        if start + period * times == len(names) and times > 1:
            break  # nothing covers more
    return best
