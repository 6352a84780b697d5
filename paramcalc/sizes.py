"""Sizes as people type them: tokens count in powers of two (8k, 1M), parameters and training tokens in tens (7B)."""

from __future__ import annotations

import re
from contextlib import suppress
from fractions import Fraction
from operator import index
from typing import TYPE_CHECKING

from paramcalc.errors import Problem, UsageError
from paramcalc.numbers import BYTE_UNITS, typed

if TYPE_CHECKING:
    from collections.abc import Sequence

TOKENS = {"": 1, "k": 2**10, "m": 2**20}
DECIMAL = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9, "t": 10**12}
MOST_TOKENS = 2**40
MOST = 10**18
NUMBER = re.compile(r"([0-9]{1,20}(?:\.[0-9]{1,9})?)([a-zA-Z]?)")
GROUPS = re.compile(r"[0-9]{1,3}(?:[,_][0-9]{3})+(?![0-9,_])|[0-9]+(?:_[0-9]+)+")
"""Digits with separators: 8,192 and 8_192, but not 1,5, which may mean 1.5."""
ROUGH = re.compile(r"-?([0-9]{1,20}(?:[.,][0-9]{1,9})?(?:[eE]\+?[0-9]{1,2})?) ?([a-zA-Z]*)")
"""A number and the beginning of a unit, however they are written."""
MEMORY_NAMES = ("GiB", "TiB", "GB", "TB")
MEMORY_UNITS = {**{name.lower(): BYTE_UNITS[name] for name in MEMORY_NAMES},
                "g": BYTE_UNITS["GiB"], "t": BYTE_UNITS["TiB"]}
MEMORY = re.compile(rf"([0-9]{{1,6}}(?:\.[0-9]{{1,3}})?)\s*({'|'.join(MEMORY_UNITS)})", re.IGNORECASE)
BEFORE = re.compile(r"[a-zA-Z$€£~≈]{0,8}(?=-?[0-9])")
"""Letters and signs before a number: of `zero3`, `$2`."""
NOUN = re.compile(r"(?<=[0-9a-z ])(?:tokens?|toks?|param(?:eter)?s?)$", re.IGNORECASE)
"""What is counted, after a number and its unit: of `1e9 tokens`, `7Bparams`."""
MOST_CHARACTERS = 40
"""Characters of a wrong value that an error repeats."""


class NearMissError(ValueError):
    """What is no valid value, with the nearest that is."""

    def __init__(self, message: str, nearest: str = "") -> None:
        super().__init__(message)
        self.nearest = nearest
        """As a user would type it; empty where there is none."""

    @property
    def hint(self) -> str:
        """Hint of an error, which names the nearest valid value; empty where there is none."""
        return f"the nearest: {self.nearest}" if self.nearest else ""


def parse_tokens(value: str | int, least: int = 1) -> int:
    """8192, 8k (8,192), 128k (131,072), 1M (1,048,576). Raises ValueError for what is no number of tokens."""
    return _size(value, TOKENS, least, MOST_TOKENS, "a number of tokens, such as 8192, 8k or 1M")


def parse_count(value: str | int) -> int:
    """A number of sequences: 8, 8k (8,192). Raises ValueError for what is no such number."""
    return _size(value, TOKENS, 0, MOST_TOKENS, "a number, such as 8 or 8k")


def parse_decimal(value: str | int) -> int:
    """A number of things: 7B (7,000,000,000), 1.5T. Raises ValueError for what is no such number."""
    return _size(value, DECIMAL, 1, MOST, "a number, such as 7B or 1.5T")


def typed_decimal(size: int) -> str:
    """10T: a number of things as `parse_decimal` reads it."""
    return _typed(size, DECIMAL)


def resolution(value: str | int) -> tuple[int, int]:
    """A number of parameters and how exactly it was said: half a unit of its last digit (1.5B: 50,000,000; a number
    without a unit: 1). Raises ValueError for what is no such number."""
    amount = parse_decimal(value)
    match = NUMBER.fullmatch(_ungrouped(str(value).strip()))
    if match is None or not match[2]:
        return amount, 1
    digits = len(match[1].partition(".")[2])
    return amount, max(1, DECIMAL[match[2].lower()] // (2 * 10**digits))


def parse_share(value: str | float) -> Fraction:
    """A share: 0.9 or 90%, more than 0 and at most 1. Raises ValueError for anything else."""
    text = str(value).strip()
    number = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})(%?)", text)
    share = Fraction(number[1]) / (100 if number[2] else 1) if number else Fraction(0)
    if not 0 < share <= 1:
        raise NearMissError(f"{text[:MOST_CHARACTERS]!r} must be more than 0 and at most 1, such as 0.9 or 90%",
                            _near_share(text))
    return share


def _near_share(text: str) -> str:
    """The nearest share: 41 and `41 percent` are 41%, 0,9 is 90%, more than the whole is 100%."""
    number = ROUGH.match(text)
    if number is None:
        return ""
    size = Fraction(number[1].replace(",", "."))
    percent = size if number[2] or "%" in text or size >= 2 else 100 * size
    return "1%" if not percent or text.startswith("-") else f"{min(float(percent), 100):g}%"


def parse_memory(value: object) -> int:
    """Bytes of 64GiB, 64G (the same) or 64GB. Raises ValueError for what is not a memory size."""
    match = MEMORY.fullmatch(str(value).strip())
    if match is None:
        raise NearMissError(f"{str(value)[:MOST_CHARACTERS]!r} is not a memory size, such as 64GiB",
                            near_amount(value, MEMORY_NAMES))
    return int(float(match[1]) * MEMORY_UNITS[match[2].lower()])


def near_amount(value: object, units: Sequence[str]) -> str:
    """A number with the unit whose beginning it has in common with what was typed: 64KiB for 64 KiBs; with the first
    where a small number has none; empty for others."""
    rough = ROUGH.match(str(value).strip())
    if rough is None:
        return ""
    letters = rough[2].lower()
    if rough[0] == str(value).strip() and rough[1].isdecimal() and not letters and 0 < int(rough[1]) < 2**16:
        return f"{rough[1]}{units[0]}"
    starts = (letters[:end] for end in range(len(letters), 0, -1))
    near = next((unit for start in starts for unit in units if unit.lower().startswith(start)), "")
    return near and f"{rough[1].replace(',', '.')}{near}"


def near_sides(value: object, sides: int) -> str:
    """So many whole numbers with an x between them, of a text with other signs there: 640x480 for 640*480 and 640 by
    480; empty for what is something else."""
    further = r"\s{0,3}(?:px)?\s{0,3}(?:[x×*,;:/]|by)\s{0,3}([0-9]{1,6})"
    parts = re.fullmatch(f"([0-9]{{1,6}}){further * (sides - 1)}(?:px)?", str(value).strip(), re.IGNORECASE)
    return "x".join(parts.groups()) if parts else ""


def near_number(value: object, *, integer: bool = True) -> str:
    """The plain number nearest to what is none: 4096 for 4k, 1000 for 1000x, 768 for -768, 3 for zero3; empty without a
    digit."""
    rough = ROUGH.match(_ungrouped(BEFORE.sub("", str(value).strip(), count=1)))
    if rough is None:
        return ""
    number = Fraction(rough[1].replace(",", ".")) * TOKENS.get(rough[2].lower(), 1)
    return str(min(max(round(number), 1), MOST_TOKENS)) if integer else rough[1].replace(",", ".")


def tokens(value: str | int, option: str, least: int = 1) -> int:
    """A number of tokens. Raises UsageError, naming the option."""
    try:
        return parse_tokens(value, least)
    except NearMissError as error:
        raise UsageError(Problem(f"{option}: {error}", hint=error.hint)) from None


def decimal(value: str | int, option: str) -> int:
    """A number of parameters or of training tokens. Raises UsageError, naming the option."""
    try:
        return parse_decimal(value)
    except NearMissError as error:
        raise UsageError(Problem(f"{option}: {error}", hint=error.hint)) from None


def token_list(text: str, option: str) -> list[int]:
    """Tokens of a list: `4k,32k,128k`."""
    return [tokens(part, option) for part in text.split(",")]


def _size(value: str | int, units: dict[str, int], least: int, most: int, expected: str) -> int:
    if not isinstance(value, str | bool):
        with suppress(TypeError):
            value = index(value)  # an integer of numpy, say
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise NearMissError(f"{str(value)[:MOST_CHARACTERS]!r} is not {expected}")
    text = value.strip() if isinstance(value, str) else str(value)
    number = NUMBER.fullmatch(_ungrouped(text)) if isinstance(value, str) else None
    unit = units.get(number[2].lower()) if number else None
    if isinstance(value, int):
        size = Fraction(value)
    elif number is None or unit is None:
        raise NearMissError(f"{text[:MOST_CHARACTERS]!r} is not {expected}", _near_size(text, units, least, most))
    else:
        size = Fraction(number[1]) * unit
    if size.denominator != 1:
        raise NearMissError(f"{text[:MOST_CHARACTERS]!r} is not an integer", _typed(max(round(size), least), units))
    if not least <= size <= most:
        raise NearMissError(f"{text[:MOST_CHARACTERS]!r} must be between {least:,} and {most:,}",
                       _typed(min(max(int(size), least), most), units))
    return int(size)


def _ungrouped(text: str) -> str:
    """Without the separators between groups of digits."""
    return GROUPS.sub(lambda groups: groups[0].replace(",", "").replace("_", ""), text)


def _near_size(text: str, units: dict[str, int], least: int, most: int) -> str:
    """The nearest size to what is no size: 1.5B for 1.5Bn, 1,5B and 1.5 billion; empty where there is no number."""
    rough = ROUGH.match(_ungrouped(NOUN.sub("", text)))
    if rough is None:
        return ""
    letter = rough[2][:1].lower()
    unit = units.get({"g": "b"}.get(letter, letter) if "b" in units else letter, 1)
    return _typed(min(max(round(Fraction(rough[1].replace(",", ".")) * unit), least), most), units)


def _typed(size: int, units: dict[str, int]) -> str:
    """As short as a size can be typed without rounding it."""
    letters = sorted(((unit, letter.upper() if letter != "k" else letter) for letter, unit in units.items()),
                     reverse=True)
    return typed(size, letters)
