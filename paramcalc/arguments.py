"""Arguments of Python functions that no settings class reads, held to a type before the function sees them."""

from __future__ import annotations

from functools import cache, wraps
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec, TypeVar

from pydantic import BeforeValidator, Field, create_model

from paramcalc.parallel import MOST_JOBS
from paramcalc.sanitize import describe
from paramcalc.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")
Changes = tuple[str, ...]
"""`key=value`, as `--set` takes them."""
def _path(value: object) -> Path:
    if isinstance(value, Path) or (isinstance(value, str) and value):
        return Path(value)
    raise ValueError(f"expected a path, found {describe(value)}")


Paths = tuple[Annotated[Path, BeforeValidator(_path)], ...]
"""Files and folders; an empty text is neither."""
Jobs = Annotated[int, Field(ge=1, le=MOST_JOBS)]
"""Processes that work at once."""


def checked(**types: Any) -> Callable[[Callable[P, R]], Callable[P, R]]:  # noqa: ANN401 - whatever pydantic validates
    """A decorator of a function whose parameters of these names must be of these types.

    The function raises UsageError, by the name of the parameter, for an argument that is not; it gets the others as
    pydantic reads them (a list of texts as a tuple).
    """

    def decorated(function: Callable[P, R]) -> Callable[P, R]:
        parameters = signature(function)

        @cache
        def model() -> type[Settings]:
            fields: dict[str, Any] = {f"{name}_": (kind, Field(None, alias=name)) for name, kind in types.items()}
            return create_model(function.__name__, __base__=Settings, **fields)

        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            bound = parameters.bind(*args, **kwargs)
            values = {name: value for name, value in bound.arguments.items() if name in types}
            read = model().of(values)
            bound.arguments.update({name: getattr(read, f"{name}_") for name in values})
            return function(*bound.args, **bound.kwargs)

        return call

    return decorated
