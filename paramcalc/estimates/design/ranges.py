"""Values of a key to sweep over: `num_layers=16..48:8`, `hidden_size=1024,2048`."""

from __future__ import annotations

import re
from collections import Counter
from itertools import product
from math import prod
from typing import TYPE_CHECKING

from paramcalc.errors import Problem, UsageError
from paramcalc.sizes import near_number

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST = 100_000
"""Combinations at most."""
_RANGE = re.compile(r"(-?\d{1,15})\.\.(-?\d{1,15})(?::(-?\d{1,15}))?")


def combinations(axes: Sequence[str]) -> list[tuple[str, ...]]:
    """Every combination of the values of `key=a,b,c` and `key=first..last:step`, as `key=value` each; ranges include
    their last value where a step reaches it. Raises UsageError for what is no list of values, or too many."""
    lists = [_values(axis) for axis in axes]
    keys = [axis.partition("=")[0] for axis in axes]
    if twice := next((key for key in keys if keys.count(key) > 1), ""):
        raise UsageError(Problem(f"{twice} is given twice", hint=f"{twice}=a,b,c"))
    if (count := prod(len(values) for values in lists)) > MOST:
        raise UsageError(Problem(f"{count:,} combinations are more than {MOST:,}", hint=_fewer(axes, lists, count)))
    return list(product(*lists))


def _fewer(axes: Sequence[str], lists: Sequence[Sequence[str]], count: int) -> str:
    """The longest range with the least step that leaves few enough combinations."""
    longest = max(lists, key=len)
    key, _, text = axes[lists.index(longest)].partition("=")
    allowed, match = MOST * len(longest) // count, _RANGE.fullmatch(text)
    if not allowed or match is None:
        return "take larger steps"
    first, last, step = int(match[1]), int(match[2]), int(match[3] or 1)
    return f"the nearest: {key}={first}..{last}:{step * -(-len(longest) // allowed)}"


def _values(axis: str) -> list[str]:
    key, equals, text = axis.partition("=")
    if not key or not equals or not text:
        raise UsageError(Problem(f"{axis[:60]!r} is not KEY=VALUE,… or KEY=FIRST..LAST:STEP",
                                 hint="num_layers=16..48:8 hidden_size=1024,2048"))
    values = [value for part in _parts(text) for value in _range(key, part)]
    times = Counter(values)
    if twice := next((value for value in times if times[value] > 1), ""):
        raise UsageError(Problem(f"{key}={twice} is given twice", hint=f"did you mean {key}={','.join(times)[:60]}?"))
    return [f"{key}={value}" for value in values]


def _parts(text: str) -> list[str]:
    """Split at commas that stand in no bracket: `[a, b]` is one value."""
    parts, depth = [""], 0
    for character in text:
        depth += (character in "[{") - (character in "]}")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def _range(key: str, part: str) -> list[str]:
    match = _RANGE.fullmatch(part)
    if match is None:
        if not part or ".." in part:
            ends = [near for end in re.split(r"\.\.+|:", part) if (near := near_number(end))]
            near = f"{key}={'..'.join(ends[:2])}{''.join(map(':{}'.format, ends[2:3]))}"
            raise UsageError(Problem(f"{key}: expected a value or a range, found {part[:40]!r}",
                                     hint=f"the nearest: {near}" if len(ends) > 1 else f"{key}=16..48:8"))
        return [part]
    first, last, step = int(match[1]), int(match[2]), int(match[3] or (1 if int(match[2]) >= int(match[1]) else -1))
    if match[3] is None and last < first:
        raise UsageError(Problem(f"{key}: the range {part} is empty", hint=f"did you mean {last}..{first}?"))
    if step == 0:
        raise UsageError(Problem(f"{key}: the step must not be 0", hint=f"{first}..{last}:1"))
    if (last - first) * step < 0:
        raise UsageError(Problem(f"{key}: the range {part} is empty", hint=f"did you mean {first}..{last}:{-step}?"))
    if abs(last - first) // abs(step) >= MOST:
        step = (abs(last - first) // MOST + 1) * (1 if step > 0 else -1)
        raise UsageError(Problem(f"{key}: the range {part} has more than {MOST:,} values",
                                 hint=f"the nearest: {key}={first}..{last}:{step}"))
    return [str(value) for value in range(first, last + (1 if step > 0 else -1), step)]
