"""What an unquoted YAML scalar means: the YAML 1.2 core schema, minus the spellings that readers disagree about."""

from __future__ import annotations

import re
from math import isinf

from paramcalc.readers.text.limits import MAX_DIGITS
from paramcalc.sanitize import visible

_CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_STARTS = frozenset("+-.0123456789")
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*+)\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]++|(?:0|[1-9][0-9]*+)(?:\.[0-9]*+)?)(?:[eE][-+]?[0-9]++)?\Z")
_NOT_FINITE = re.compile(r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z")


def plain(text: str) -> tuple[str | int | float | bool | None, str]:
    """Return the value of a scalar without quotes, and what is wrong with it if anything is.

    `010`, `0o17`, `0x1F`, `1_000`, `1:30`, `NO` and dates stay strings as written: readers disagree about them.
    """
    if text[:1] not in _STARTS:
        return _CONSTANTS.get(text, text), ""
    if _INTEGER.match(text):
        digits = len(text.lstrip("+-"))
        if digits > MAX_DIGITS:
            return text, f"expected an integer of at most {MAX_DIGITS} digits, found one of {digits:,}"
        return int(text), ""
    if _FLOAT.match(text):
        value = float(text)
        return value, f"expected a number that a float can hold, found {visible(text)}" if isinf(value) else ""
    if _NOT_FINITE.match(text):
        return text, f"expected a finite number, found {text}"
    return text, ""
