"""Values of a document as an error about their type or size names them."""

from __future__ import annotations

from paramcalc.sanitize import describe, quote

NAMES: dict[type, str] = {bool: "a boolean", str: "a string", list: "a list", dict: "a mapping",
                          float: "a number with a fraction", int: "an integer"}
"""What a list may be asked to hold."""
SHORT = 60
"""Characters of a list or a mapping that is quoted whole."""


def described(value: object) -> str:
    """A value as it stands behind "found": `the string '8'`, `the list [0, 8]`, `a list of 80`, `null`."""
    import json

    if not isinstance(value, list | dict):
        return describe(value)
    text = json.dumps(value, default=str, skipkeys=True) if len(value) <= SHORT else ""
    return f"{describe(value).replace('a ', 'the ', 1)} {text}" if 0 < len(text) <= SHORT else quote(value)


def expected(what: str, value: object) -> str:
    """The message of an error about a value of the wrong type or size."""
    return f"expected {what}, found {described(value)}"
