"""Strict JSON: the fast decoder of the standard library, guarded so that nothing is repaired, guessed or dropped.

The fast path only finds out *whether* something is wrong; `json_scan` then says what and where.
"""

from __future__ import annotations

import re
from json import JSONDecoder
from typing import Any, NoReturn

from paramcalc.readers.text.json_scan import scan
from paramcalc.readers.text.limits import MAX_DEPTH, MAX_DIGITS, MAX_NODES, MAX_STRING, Findings, Mark, string_fault

# Possessive, so that a string that is never closed costs one pass, not one for every quote in it.
_NOT_BRACKET = re.compile(r'(?s)"[^"\\]*+(?:\\.[^"\\]*+)*+"?+|[^\[\]{}"]++')
# Published configs of Mamba-like models hold this one word that is no JSON; it says that an interval has no end.
_OPEN_END = re.compile(r'("time_step_limit"\s{0,9}:\s{0,9}\[\s{0,99}[\d.]{1,30}\s{0,9},\s{0,99})Infinity(?=\s{0,99}\])')
_EMPTY_PAIR = re.compile(r"\[\]|\{\}")


def parse(text: str, source: str) -> dict[str, Any]:
    """Return the object that `text` holds. Raises InputError with every problem that could be located."""
    text = _without_open_ends(text)
    if _may_be_too_big(text):
        _refuse(text, source)
    try:
        data = _DECODER.decode(text)
        fine = isinstance(data, dict) and (
            (len(text) <= MAX_STRING and "\\u" not in text) or not any(map(string_fault, _strings(data)))
        )
    except (ValueError, RecursionError) as error:
        _refuse(text, source)
        findings = Findings(source)
        findings.add(f"not valid JSON: {error}", (0, 0))
        findings.refuse()
        raise
    if not fine:
        _refuse(text, source)
    return data  # type: ignore[no-any-return]


def places(text: str, source: str) -> Mark:
    """Return where each key and item stands, of a text that `parse` accepted."""
    return scan(_without_open_ends(text), Findings(source))


def _without_open_ends(text: str) -> str:
    """The same text, of the same length, with null for the end of an interval that has none."""
    return _OPEN_END.sub(r"\1null    ", text) if "Infinity" in text else text


def _refuse(text: str, source: str) -> None:
    findings = Findings(source)
    scan(text, findings)
    findings.refuse()


def _may_be_too_big(text: str) -> bool:
    """Tell whether depth or size could pass the limits; brackets and commas inside strings only make it too careful."""
    opened = text.count("[") + text.count("{")
    if opened + text.count(",") >= MAX_NODES:
        return True
    if opened <= MAX_DEPTH:
        return False
    brackets = _NOT_BRACKET.sub("", text)
    for _ in range(MAX_DEPTH):
        # Each pass takes away the innermost level, so what is left afterwards is deeper than the limit, or unbalanced.
        brackets = _EMPTY_PAIR.sub("", brackets)
    return bool(brackets)


def _strings(data: object) -> list[str]:
    strings: list[str] = []
    rest = [data]
    while rest:
        value = rest.pop()
        if isinstance(value, str):
            strings.append(value)
        elif isinstance(value, dict):
            strings.extend(value)
            rest.extend(value.values())
        elif isinstance(value, list):
            rest.extend(value)
    return strings


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        raise ValueError("duplicate key")
    return data


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS + text.startswith("-"):
        raise ValueError("integer is too long")
    return int(text)


def _number(text: str) -> float:
    value = float(text)
    if value - value != 0:
        raise ValueError("number is too large")
    return value


def _constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


_DECODER = JSONDecoder(object_pairs_hook=_object, parse_int=_integer, parse_float=_number, parse_constant=_constant)
