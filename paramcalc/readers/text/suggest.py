"""What somebody who wrote `4e9`, `"32"`, `1_000` or `yes` should have written."""

from __future__ import annotations

import re
from math import isfinite

from paramcalc.sanitize import quote
from paramcalc.sizes import near_number

_DECIMAL = re.compile(r"[-+]?[0-9]+\Z")
_BASED = re.compile(r"[-+]?0[xob][0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?\Z")
_UNIT = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,6})? ?[a-zA-Z]{1,3}\Z")
_YES = {"yes": "true", "on": "true", "true": "true", "no": "false", "off": "false", "false": "false"}
_MAX_CHARACTERS = 40
_MAX_INTEGER = 10**18


def suggestion(value: object, expected: str) -> str:
    """Return "write …" with the value as what was due (`an integer`, `a number` …), or nothing if that is a guess."""
    if expected == "an integer":
        text = _integer(value)
    elif expected == "a number":
        text = _number(value)
    elif expected == "true or false":
        text = _YES.get(value.lower(), "") if isinstance(value, str) else ""
    elif expected == "a string" and isinstance(value, int | float):
        text = f'"{quote(value)}"'
    elif expected == "a list" and isinstance(value, str | int | float):
        text = f"[{value if isinstance(value, str) and value.isidentifier() else quote(value)}]"
    else:
        text = ""
    return f"write {text}" if text else ""


def _integer(value: object) -> str:
    if isinstance(value, str):
        text = _plain(value)
        if _DECIMAL.match(text):
            return str(int(text))
        if _BASED.match(text):
            try:
                return str(int(text, 0))
            except ValueError:  # a digit that its base does not have
                return ""
        if not _FLOAT.match(text):
            return near_number(text) if _UNIT.fullmatch(text) else ""
        value = float(text)
    if isinstance(value, float) and isfinite(value) and value.is_integer() and abs(value) <= _MAX_INTEGER:
        return str(int(value))
    return ""


def _number(value: object) -> str:
    if not isinstance(value, str):
        return ""
    text = _plain(value)
    return text if _FLOAT.match(text) and isfinite(float(text)) else _integer(value)


def _plain(value: str) -> str:
    """Return the text without the separators people put between thousands; nothing if it is too long to be a slip."""
    text = value.strip()
    if len(text) > _MAX_CHARACTERS:
        return ""
    return text.replace("_", "") if re.match(r"[-+]?[0-9]+(?:_[0-9]+)+\Z", text) else text
