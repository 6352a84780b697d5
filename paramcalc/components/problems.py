"""Refusals raised while a component is validated, with the remedy beside them."""

from __future__ import annotations

from math import isqrt

from pydantic_core import PydanticCustomError


def impossible(message: str, hint: str = "", field: str = "") -> PydanticCustomError:
    """An error pydantic carries to its place; readers take `hint`, and `field` where one key is to blame."""
    text = message.replace("{", "{{").replace("}", "}}")
    return PydanticCustomError("impossible", text, {"hint": hint, "field": field})


def divisors(whole: int) -> str:
    """What divides a number, as a hint says it: `1, 2, 4 or 8`."""
    low = [d for d in range(1, isqrt(whole) + 1) if whole % d == 0]
    words = [str(d) for d in dict.fromkeys([*low, *(whole // d for d in reversed(low))])]
    return f"{', '.join(words[:-1])} or {words[-1]}" if words[1:] else "1"
