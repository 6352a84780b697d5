"""Turn what pydantic found wrong into problems that name the line, what stands there, and what to write instead."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from paramcalc.components.problems import problem_of
from paramcalc.readers.text.size_words import means_the_same
from paramcalc.readers.text.suggest import suggestion
from paramcalc.sanitize import describe, quote, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from paramcalc.errors import Problem
    from paramcalc.readers.text.document import Document

    Allowed = Callable[[tuple[str | int, ...]], Sequence[str]]

_EXPECTED = {
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float", "int_parsing_size"), "an integer"),
    **dict.fromkeys(("float_type", "float_parsing"), "a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    **dict.fromkeys(("list_type", "tuple_type", "set_type", "frozen_set_type", "iterable_type"), "a list"),
    **dict.fromkeys(
        ("dict_type", "mapping_type", "model_type", "model_attributes_type", "dataclass_type"), "a mapping"
    ),
    "string_type": "a string",
    "none_required": "null",
}
"""Error types that mean another type was due, and its name."""

_BOUNDS = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("more than", "gt"),
    "less_than_equal": ("at most", "le"),
    "less_than": ("less than", "lt"),
    "multiple_of": ("a multiple of", "multiple_of"),
}
_LENGTHS = {
    "too_short": ("at least", "min_length"),
    "too_long": ("at most", "max_length"),
    "string_too_short": ("at least", "min_length"),
    "string_too_long": ("at most", "max_length"),
}
_PREFIXES = ("Value error, ", "Assertion failed, ")


def spec_problems(error: ValidationError, document: Document, allowed: Allowed | None = None) -> tuple[Problem, ...]:
    """Return a located problem for each place that is wrong, in the order of the document.

    `allowed` names the keys a mapping may have, given its path, for "did you mean"; what a misspelt key was meant to be
    is not said to be missing too. A validator that has a hint raises
    `PydanticCustomError(type, message, {"hint": ...})`.
    """
    places: dict[tuple[str | int, ...], list[ErrorDetails]] = {}
    for details in error.errors(include_url=False):
        if _follows(details):
            continue
        places.setdefault(place_of(details, document.data), []).append(details)
    for path in _passed_over(places):
        del places[path]
    meant = {(*path[:-1], closest(str(path[-1]), allowed(path[:-1]))) for path, details in places.items()
             if allowed and details[0]["type"] == "extra_forbidden"}
    return ordered(_problem(document, path, details, allowed) for path, details in places.items()
                   if details[0]["type"] != "missing" or path not in meant)


def _problem(document: Document, path: tuple[str | int, ...], errors: list[ErrorDetails],
             allowed: Allowed | None) -> Problem:
    message, hint = _describe(path, errors, allowed)
    return document.located(problem_of(errors[0])._replace(message=message, path=path, hint=hint))


def _passed_over(places: dict[tuple[str | int, ...], list[ErrorDetails]]) -> list[tuple[str | int, ...]]:
    """Mappings that are said to be no plain word, where it is told too what is wrong inside them."""
    holders = {path[:depth] for path in places for depth in range(len(path))}
    return [path for path, details in places.items() if path in holders
            and all(each["type"] == "literal_error" and isinstance(each["input"], dict) for each in details)]


def ordered(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Each problem once, in the order of the document."""
    return tuple(sorted(dict.fromkeys(problems), key=lambda problem: (problem.line, problem.column)))


def wording(details: ErrorDetails) -> tuple[str, str]:
    """Message and hint of one thing that pydantic found wrong, without a place."""
    return _describe((), [details], None)


def place_of(details: ErrorDetails, data: Any) -> tuple[str | int, ...]:  # noqa: ANN401 - whatever the document holds
    """Return the path in the document: pydantic's, without the names of union members that it puts between."""
    path: list[str | int] = []
    for part in details["loc"]:
        if _holds(data, part):
            data = data[part]
            path.append(part)
    if details["type"] == "missing":
        path.append(details["loc"][-1])
    return (*path, *filter(None, [details.get("ctx", {}).get("field")]))


def _holds(data: object, part: str | int) -> bool:
    if isinstance(data, list):
        return isinstance(part, int) and part < len(data)
    return isinstance(data, dict) and part in data


def _describe(path: tuple[str | int, ...], errors: list[ErrorDetails], allowed: Allowed | None) -> tuple[str, str]:
    """Return message and hint for one place; a union reports once for each of its members."""
    types = [details["type"] for details in errors]
    due = list(dict.fromkeys(_EXPECTED[kind] for kind in types if kind in _EXPECTED))
    if len(due) == len(set(types)) or all(kind in _EXPECTED for kind in types):
        value = errors[0]["input"]
        hints = (suggestion(value, name) for name in due)
        return f"expected {' or '.join(due)}, found {describe(value)}", next(filter(None, hints), "")
    # Where one member took the type and refused the value, that says more than the members of another type do.
    details = next(each for each in errors if each["type"] not in _EXPECTED)
    return _one(path, details, allowed)


def _one(path: tuple[str | int, ...], details: ErrorDetails, allowed: Allowed | None) -> tuple[str, str]:
    kind = details["type"]
    if kind == "missing":
        return "required key is missing", ""
    if kind == "extra_forbidden":
        key = str(details["loc"][-1])
        return f"unknown key {quote(key)}", _nearest(key, allowed(path[:-1])) if allowed else ""
    if kind in _BOUNDS or kind in _LENGTHS:
        return _limit(details), ""
    return _choice(details) or _other(details)


def _limit(details: ErrorDetails) -> str:
    kind, value, context = details["type"], details["input"], details["ctx"]
    if kind in _BOUNDS:
        word, name = _BOUNDS[kind]
        return f"must be {word} {context[name]}, found {quote(value)}"
    word, name = _LENGTHS[kind]
    unit = "characters" if isinstance(value, str) else "items"
    return f"must have {word} {context[name]} {unit if context[name] > 1 else unit[:-1]}, found {len(value)}"


def _follows(details: ErrorDetails) -> bool:
    """Whether a list is said to be too short because its items, reported themselves, were refused."""
    return details["type"] == "too_short" and len(details["input"]) >= details["ctx"]["min_length"]


def _choice(details: ErrorDetails) -> tuple[str, str] | None:
    kind, value, context = details["type"], details["input"], details.get("ctx", {})
    if kind in ("literal_error", "enum"):
        options = context["expected"]
        return f"must be {options}, found {quote(value)}", _nearest(str(value), _options(options))
    if kind == "union_tag_invalid":
        name, tag, options = context["discriminator"].strip("'"), str(context["tag"]), context["expected_tags"]
        return f"{name} must be one of {options}, found {quote(tag)}", _nearest(tag, _options(options))
    if kind == "union_tag_not_found":
        return f"required key {context['discriminator']} is missing", ""
    return None


def _other(details: ErrorDetails) -> tuple[str, str]:
    message = details["msg"]
    for prefix in _PREFIXES:
        message = message.removeprefix(prefix)
    return visible(message, 400), visible(str(details.get("ctx", {}).get("hint", "")), 1000)


def _options(text: str) -> list[str]:
    """Return the names in pydantic's `'a', 'b' or 'c'`."""
    return text.split("'")[1::2]


def _nearest(word: str, options: Sequence[str]) -> str:
    near = closest(word, options)
    return f"did you mean {quote(near)}?" if near else ""


def closest(word: str, options: Sequence[str]) -> str:
    """The option that means the same (`d_model` is hidden_size), else the one that is spelt most like a word, or else
    one whose last words are: `hedas` is num_heads."""
    if meant := next((option for option in options if means_the_same(word, option)), ""):
        return meant
    near = get_close_matches(word, options, n=1)
    if near:
        return near[0]
    tails: dict[str, str] = {}
    for option in sorted(options, key=len):
        words = option.split("_")
        for start in range(1, len(words)):
            tails.setdefault("_".join(words[start:]), option)
    return next((tails[tail] for tail in get_close_matches(word, tails, n=1, cutoff=0.75)), "")
