"""Refusals raised while a component is validated, with the remedy beside them."""

from __future__ import annotations

from pydantic_core import PydanticCustomError


def impossible(message: str, hint: str = "", field: str = "") -> PydanticCustomError:
    """An error pydantic carries to its place; readers take `hint`, and `field` where one key is to blame."""
    text = message.replace("{", "{{").replace("}", "}}")
    return PydanticCustomError("impossible", text, {"hint": hint, "field": field})
