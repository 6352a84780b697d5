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
MEMORY = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)\s*(GiB|GB|G|TiB|TB|T)", re.IGNORECASE)
MEMORY_UNITS = {"gib": 2**30, "g": 2**30, "gb": 10**9, "tib": 2**40, "t": 2**40, "tb": 10**12}
SHOWN = 40
"""Characters of a wrong value that an error repeats."""


def parse_tokens(value: str | int, least: int = 1) -> int:
    """8192, 8k (8,192), 128k (131,072), 1M (1,048,576). Raises ValueError for what is no number of tokens."""
    return _size(value, TOKENS, least, MOST_TOKENS, "a number of tokens, such as 8192, 8k or 1M")


def parse_decimal(value: str | int) -> int:
    """7B (7,000,000,000), 1.5T. Raises ValueError for what is no such number."""
    return _size(value, DECIMAL, 1, MOST, "a number, such as 7B or 1.5T")


def resolution(value: str | int) -> tuple[int, int]:
    """A number of parameters and how exactly it was said: half a unit of its last digit (1.5B: 50,000,000; a number
    without a unit: 1). Raises ValueError for what is no such number."""
    amount = parse_decimal(value)
    match = NUMBER.fullmatch(str(value).strip().replace(",", "").replace("_", ""))
    if match is None or not match[2]:
        return amount, 1
    digits = len(match[1].partition(".")[2])
    return amount, max(1, DECIMAL[match[2].lower()] // (2 * 10**digits))


def parse_share(value: str | float) -> Fraction:
    """0.9 or 90%, more than 0 and at most 1. Raises ValueError for anything else."""
    text = str(value).strip()
    number = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})(%?)", text)
    share = Fraction(number[1]) / (100 if number[2] else 1) if number else Fraction(0)
    if not 0 < share <= 1:
        raise ValueError(f"{text[:SHOWN]!r} must be more than 0 and at most 1, such as 0.9 or 90%")
    return share


def parse_memory(value: object) -> int:
    """Bytes of 64GiB, 64G (the same) or 64GB. Raises ValueError for what is no size of memory."""
    match = MEMORY.fullmatch(str(value).strip())
    if match is None:
        raise ValueError(f"{str(value)[:SHOWN]!r} is no size of memory, such as 64GiB")
    return int(float(match[1]) * MEMORY_UNITS[match[2].lower()])


def tokens(value: str | int, option: str, least: int = 1) -> int:
    """A number of tokens. Raises UsageError, naming the option."""
    try:
        return parse_tokens(value, least)
    except ValueError as error:
        raise UsageError(Problem(f"{option}: {error}")) from None


def decimal(value: str | int, option: str) -> int:
    """A number of parameters or of training tokens. Raises UsageError, naming the option."""
    try:
        return parse_decimal(value)
    except ValueError as error:
        raise UsageError(Problem(f"{option}: {error}")) from None


def token_list(text: str, option: str) -> list[int]:
    """Tokens of a list: `4k,32k,128k`."""
    return [tokens(part, option) for part in text.split(",")]


def _size(value: str | int, units: dict[str, int], least: int, most: int, expected: str) -> int:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"{str(value)[:SHOWN]!r} is not {expected}")
    text = value.strip() if isinstance(value, str) else str(value)
    number = NUMBER.fullmatch(text.replace(",", "").replace("_", "")) if isinstance(value, str) else None
    unit = units.get(number[2].lower()) if number else None
    if isinstance(value, int):
        size = Fraction(value)
    elif number is None or unit is None:
        raise ValueError(f"{text[:SHOWN]!r} is not {expected}")
    else:
        size = Fraction(number[1]) * unit
    if size.denominator != 1:
        raise ValueError(f"{text[:SHOWN]!r} is not a whole number")
    if not least <= size <= most:
        raise ValueError(f"{text[:SHOWN]!r} must be between {least:,} and {most:,}")
    return int(size)
