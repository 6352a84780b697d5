"""Show text that others wrote: no control character of theirs reaches a terminal, no long value drowns the message."""

from __future__ import annotations

LIMIT = 60
_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def visible(text: str, limit: int = LIMIT) -> str:
    r"""Return `text` on one line of at most `limit` characters: what cannot be printed as `\x1b`, what is cut as `…`.

    Markup such as `[red]` is left alone: it is text, and must be printed as text.
    """
    if len(text) <= limit and text.isprintable():
        return text
    parts: list[str] = []
    room = limit
    for char in text:
        part = char if char.isprintable() else _escape(char)
        if len(part) > room:
            return _truncate(parts, limit)
        parts.append(part)
        room -= len(part)
    return "".join(parts)


def quote(value: object) -> str:
    """Return a scalar as it may stand in a message: `'text'`, `true`, `null`, `32.0`; collections by their size."""
    if isinstance(value, str):
        mark = '"' if "'" in value[:LIMIT] else "'"
        return f"{mark}{visible(value)}{mark}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        # Python refuses to print integers beyond 4,300 digits.
        return str(value) if value.bit_length() <= 128 else f"an integer of {value.bit_length():,} bits"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return f"a mapping of {len(value)}"
    return visible(repr(value)) if isinstance(value, float | bytes) else visible(type(value).__name__)


def describe(value: object) -> str:
    """Name a value and its type: `the string '32'`, `the number 32.0`, `true`, `a list`."""
    if isinstance(value, str):
        return f"the string {quote(value)}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        text = quote(value)
        return text if text.startswith("an ") else f"the number {text}"
    if isinstance(value, list | tuple):
        return "a list"
    return "a mapping" if isinstance(value, dict) else quote(value)


def _escape(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _truncate(parts: list[str], limit: int) -> str:
    while parts and sum(map(len, parts)) > limit - 1:
        parts.pop()
    return "".join(parts) + "…"
