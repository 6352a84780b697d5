"""Refusals raised while a component is validated, with the remedy beside them."""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING

from pydantic_core import PydanticCustomError

from paramcalc.errors import INVALID, KV_HEADS, TOP_K, Problem

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


def impossible(message: str, hint: str = "", field: str = "", code: str = INVALID,
               rests_on: tuple[str, ...] = ()) -> PydanticCustomError:
    """An error that pydantic carries to its place, with the fields of a `Problem` beside the message."""
    text = message.replace("{", "{{").replace("}", "}}")
    return PydanticCustomError("impossible", text, {"hint": hint, "field": field, "code": code, "rests_on": rests_on})


def too_many_chosen(top_k: int, experts: int) -> PydanticCustomError:
    """The error of a mixture whose tokens choose more experts than there are."""
    return impossible(f"top_k {top_k} is more than the {experts} experts", f"use a top_k of at most {experts}", "top_k",
                      TOP_K, ("experts",))


def uneven_heads(num_heads: int, num_kv_heads: int) -> PydanticCustomError:
    """The error of attention whose query heads do not divide among its key and value heads."""
    return impossible(f"{num_kv_heads} does not divide num_heads ({num_heads})", f"use {divisors(num_heads)}",
                      "num_kv_heads", KV_HEADS, ("num_heads",))


def problem_of(details: ErrorDetails) -> Problem:
    """What pydantic reports as a problem at the field to blame."""
    context = details.get("ctx", {})
    path = (*details["loc"], *filter(None, [context.get("field")]))
    return Problem(details["msg"], path, str(context.get("hint", "")), code=context.get("code", INVALID),
                   rests_on=tuple(context.get("rests_on", ())))


def divisors(number: int) -> str:
    """What divides a number, as a hint says it: `1, 2, 4 or 8`."""
    low = [d for d in range(1, isqrt(number) + 1) if number % d == 0]
    words = [str(d) for d in dict.fromkeys([*low, *(number // d for d in reversed(low))])]
    return f"{', '.join(words[:-1])} or {words[-1]}" if words[1:] else "1"
