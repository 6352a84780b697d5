"""What a figure may be: exactly so much, at most, at least, between, or about; as people write it."""

from __future__ import annotations

import re
from fractions import Fraction
from math import ceil
from typing import Annotated, Any, Literal, NamedTuple

from paramcalc.components.base import Parsed
from paramcalc.components.problems import impossible
from paramcalc.numbers import BYTE_UNITS, FLOPS
from paramcalc.sizes import DECIMAL

Unit = Literal["count", "bytes", "flops"]
UNITS: dict[str, dict[str, int]] = {
    "count": {letter.upper(): size for letter, size in DECIMAL.items()},
    "bytes": {"": 1, **{name.upper(): size for name, size in BYTE_UNITS.items()}},
    "flops": {"": 1, "FLOP": 1, **{name: size for size, name in FLOPS}},
}
EXAMPLES = {"count": "8030261248, '<= 8.1B', '7.9B..8.1B' or '8B ± 1%'", "bytes": "'<= 16 GiB' or '15GB..16GB'",
            "flops": "'<= 20 GFLOP'"}
_NUMBER = r"\s*([0-9][0-9_,]{0,24}(?:\.[0-9]{1,9})?)\s*([A-Za-z]{0,5})\s*"
_ALONE = re.compile(_NUMBER)
_SIDED = re.compile(rf"\s*(<=|>=|<|>){_NUMBER}")
_RANGE = re.compile(rf"{_NUMBER}\.\.{_NUMBER}")
_ABOUT = re.compile(rf"{_NUMBER}(?:±|\+-|\+/-)\s*([0-9]{{1,3}}(?:\.[0-9]{{1,6}})?)\s*%\s*")
LARGEST = 2**100


class Bound(NamedTuple):
    """From `least` to `most`, both included; None is open."""

    least: int | None
    most: int | None
    text: str
    """As it was written."""

    def holds(self, value: int) -> bool:
        """Whether a figure is within."""
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)

    def plain(self) -> int | str:
        """What a document says: parameters or bytes, as its key has them, where they are exact, else the text."""
        return self.text if self.least is None or self.least != self.most else self.least


def parse_bound(value: Any, unit: Unit = "count") -> Bound:  # noqa: ANN401 - whatever a document holds
    """8030261248 is exact; '<= 8.1B', '> 7B', '7B..8B', '8B ± 1%' are what they say. Raises PydanticCustomError."""
    if isinstance(value, Bound):
        return value
    if type(value) is int and 0 <= value <= LARGEST:
        return Bound(value, value, f"{value:,}")
    if type(value) is str and len(value) <= 80:
        bound = _text(value, unit)
        if bound is not None:
            return bound
    from paramcalc.sanitize import describe

    raise impossible(f"expected a figure or a bound, found {describe(value)}", f"write {EXAMPLES[unit]}")


def _text(text: str, unit: Unit) -> Bound | None:
    """The bound a text says; None where it is none."""
    sided, ranged, about = _SIDED.fullmatch(text), _RANGE.fullmatch(text), _ABOUT.fullmatch(text)
    if sided:
        value = _size(sided[2], sided[3], unit)
        return None if value is None else _one_side(sided[1], value, text)
    if ranged:
        low, high = _size(ranged[1], ranged[2], unit), _size(ranged[3], ranged[4], unit)
        return None if low is None or high is None or low > high else Bound(ceil(low), int(high), text)
    if about:
        middle, share = _size(about[1], about[2], unit), Fraction(about[3]) / 100
        if middle is None or share >= 1:  # nothing would be too small
            return None
        return Bound(ceil(middle * (1 - share)), int(middle * (1 + share)), text)
    alone = _ALONE.fullmatch(text)
    value = _size(alone[1], alone[2], unit) if alone else None
    return None if value is None or value.denominator != 1 else Bound(int(value), int(value), text)


def _one_side(sign: str, value: Fraction, text: str) -> Bound:
    if sign.startswith("<"):
        return Bound(None, int(value) if sign == "<=" else ceil(value) - 1, text)
    return Bound(ceil(value) if sign == ">=" else int(value) + 1, None, text)


def _size(digits: str, suffix: str, unit: Unit) -> Fraction | None:
    scale = UNITS[unit].get(suffix.upper())
    value = None if scale is None else Fraction(re.sub("[_,]", "", digits)) * scale
    return None if value is None or value > LARGEST else value


def _of(unit: Unit) -> Parsed:
    return Parsed(lambda value: parse_bound(value, unit),
                  {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string"}]}, Bound.plain)


CountBound = Annotated[Bound, _of("count")]
ByteBound = Annotated[Bound, _of("bytes")]
FlopBound = Annotated[Bound, _of("flops")]
