"""Sizes as people type them: tokens count in powers of two (8k, 1M), parameters and training tokens in tens (7B)."""

from __future__ import annotations

import re
from fractions import Fraction

from paramcalc.errors import Problem, UsageError

TOKENS = {"": 1, "k": 2**10, "m": 2**20}
DECIMAL = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9, "t": 10**12}
MOST_TOKENS = 2**40
MOST = 10**18
NUMBER = re.compile(r"([0-9]{1,20}(?:\.[0-9]{1,9})?)([a-zA-Z]?)")


def tokens(text: str, option: str, least: int = 1) -> int:
    """8192, 8k (8,192), 128k (131,072), 1M (1,048,576). Raises UsageError, naming the option."""
    return _size(text, option, TOKENS, least, MOST_TOKENS, "a number of tokens, such as 8192, 8k or 1M")


def decimal(text: str, option: str) -> int:
    """7B (7,000,000,000), 1.5T. Raises UsageError, naming the option."""
    return _size(text, option, DECIMAL, 1, MOST, "a number, such as 7B or 1.5T")


def token_list(text: str, option: str) -> list[int]:
    """4k,32k,128k."""
    return [tokens(part, option) for part in text.split(",")]


def _size(text: str, option: str, units: dict[str, int], least: int, most: int, expected: str) -> int:
    found = NUMBER.fullmatch(text.strip().replace(",", "").replace("_", ""))
    unit = units.get(found[2].lower()) if found else None
    if found is None or unit is None:
        raise UsageError(Problem(f"{option}: {text[:40]!r} is not {expected}"))
    size = Fraction(found[1]) * unit
    if size.denominator != 1:
        raise UsageError(Problem(f"{option}: {text[:40]!r} is not a whole number"))
    if not least <= size <= most:
        raise UsageError(Problem(f"{option}: {text[:40]!r} must be between {least:,} and {most:,}"))
    return int(size)
