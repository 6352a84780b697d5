"""Inputs near to known ones: bytes changed, numbers swapped for edge cases, pieces moved, repeated, cut or spliced."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from random import Random
from typing import Any

NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")
NUMBERS = (b"0", b"-1", b"1", b"2", b"3", b"63", b"64", b"4096", b"65537", b"16777217", b"4294967296",
           b"18446744073709551616", b"1" + b"0" * 40, b"1e999", b"1.5", b"null", b"true", b'"8"', b"[]", b"{}", b"[[]]",
           b'["full_attention"]', b"NaN")
LITTLE = (0, 1, 2, 8, 9, 255, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63, 2**64 - 1)


def mutated(seeds: Sequence[bytes], random: Random) -> bytes:
    """One of the seeds with one to six changes."""
    raw = bytearray(random.choice(seeds))
    for _ in range(random.choice((1, 1, 1, 2, 3, 6))):
        random.choice(CHANGES)(raw, seeds, random)
    return bytes(raw[:100_000])


def changed(seeds: Sequence[bytes], random: Random) -> bytes:
    """One of the seeds, JSON objects, with one or two values changed by their type, dropped, or swapped."""
    data = json.loads(random.choice(seeds))
    for _ in range(random.choice((1, 1, 2))):
        places = list(_places(data))
        if places:
            _value(*random.choice(places), random)
    return json.dumps(data).encode()


def _places(data: object) -> Iterator[tuple[Any, Any]]:
    """Every mapping or list with a key or index of it."""
    pairs = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in list(pairs)[:200]:
        yield data, key
        yield from _places(value)


def _value(holder: Any, key: Any, random: Random) -> None:
    value, change = holder[key], random.randrange(8)
    if change == 0:
        del holder[key]
    elif change == 1:
        other = random.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        holder[key], holder[other] = holder[other], value
    elif change == 2:
        holder[key] = deepcopy(random.choice(ODD))
    elif isinstance(value, bool):
        holder[key] = not value
    elif isinstance(value, int | float):
        number = random.choice((value * 2, value // 2, value + 1, value - 1, value * 1000, -value, value * 1e300, 0, 1,
                                value + 0.5, random.randrange(1, 5000)))
        holder[key] = number if abs(number) < 1e308 else 1e308
    elif isinstance(value, list):
        holder[key] = random.choice((value * 2, value[:-1], value[::-1], [*value, *ODD[:1]], [], value[:1] * 40))
    else:
        holder[key] = deepcopy(random.choice(ODD))


ODD: tuple[Any, ...] = (None, True, 0, 1, -1, 7, 4096, 2**20, 2**31, 2**63, 10**29, 0.5, -0.25, 1e308, 1e-300, "", "x",
                        "full_attention", "float16", [], [0], ["full_attention"] * 3, [[["global"], 2]], {}, {"a": 1})


def _byte(raw: bytearray, _: Sequence[bytes], random: Random) -> None:
    if raw:
        raw[random.randrange(len(raw))] = random.choice((random.randrange(256), *b"{}[]:,\"'\n #&*-0"))


def _number(raw: bytearray, _: Sequence[bytes], random: Random) -> None:
    numbers = list(NUMBER.finditer(raw))
    if numbers:
        place = random.choice(numbers)
        raw[place.start():place.end()] = random.choice((*NUMBERS, str(random.randrange(-2, 300)).encode()))


def _word(raw: bytearray, _: Sequence[bytes], random: Random) -> None:
    """A length or count as binary formats hold it."""
    size = random.choice((4, 8))
    if len(raw) > size:
        start = random.randrange(len(raw) - size)
        raw[start:start + size] = (random.choice(LITTLE) % 2 ** (8 * size)).to_bytes(size, "little")


def _span(raw: bytearray, random: Random) -> slice:
    start = random.randrange(len(raw) + 1)
    return slice(start, start + random.randrange(1, 60))


def _delete(raw: bytearray, _: Sequence[bytes], random: Random) -> None:
    del raw[_span(raw, random)]


def _end(raw: bytearray, _: Sequence[bytes], random: Random) -> None:
    del raw[random.randrange(len(raw) + 1):]


def _repeat(raw: bytearray, _: Sequence[bytes], random: Random) -> None:
    span = _span(raw, random)
    raw[span.start:span.start] = raw[span] * random.choice((1, 2, 40))


def _splice(raw: bytearray, seeds: Sequence[bytes], random: Random) -> None:
    """Lines of another seed."""
    lines = random.choice(seeds).splitlines(keepends=True)
    first = random.randrange(len(lines) + 1)
    start = raw.find(b"\n", random.randrange(len(raw) + 1)) + 1
    raw[start:start] = b"".join(lines[first:first + random.randrange(1, 8)])


def _swap(raw: bytearray, seeds: Sequence[bytes], random: Random) -> None:
    """The value of a line becomes the value of another line."""
    lines = bytes(raw).splitlines(keepends=True)
    if len(lines) > 1:
        one, other = random.randrange(len(lines)), random.randrange(len(lines))
        key, colon, _ = lines[one].partition(b":")
        lines[one] = key + colon + lines[other].partition(b":")[2] if colon else lines[other]
        raw[:] = b"".join(lines)


CHANGES: tuple[Callable[[bytearray, Sequence[bytes], Random], None], ...] = (
    _byte, _number, _number, _number, _word, _delete, _end, _repeat, _splice, _swap, _swap)
