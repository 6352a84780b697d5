"""A YAML document as a specification, or everything that is wrong with it at once, with what was meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from paramcalc.components import KINDS, component_class
from paramcalc.components.base import Component, Elsewhere
from paramcalc.errors import Problem, SpecError
from paramcalc.readers.text.validation import closest, ordered, place_of, spec_problems
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from paramcalc.readers.text.document import Document

    Path = tuple[str | int, ...]

INSTEAD: dict[str, int] = {"hidden_size": 4096, "vocab_size": 1, "num_layers": 1}
"""What stands for a size that is wrong or missing while the rest is looked at."""
ANSWERS = {"ffn_ratio": "intermediate_size", "moe": "intermediate_size", "ffn": "intermediate_size",
           "mixer": "num_heads", "layers": "blocks"}
"""Keys that make another one needless: where they are wrong, the other is not missed."""
EMPTY: dict[str, dict[str, Any]] = {"blocks": {"parts": {}}, "modules": {"kind": "rotary"}}
"""What stands for an item that is wrong while the others are looked at."""

RETIRED = {"training": "remove it: how the class of a model trains is looked up by `family`; `dropout`, `activation` "
                       "and `routing` describe the model itself"}
"""Keys a specification had once, and what to do about them."""


def refusal(error: ValidationError, document: Document) -> SpecError:
    """All that is wrong: what pydantic found, and what would be found next if that were mended."""
    return SpecError(*ordered((*_problems(error, document), *_beyond(error, document))))


def _problems(error: ValidationError, document: Document) -> tuple[Problem, ...]:
    problems = spec_problems(error, document, lambda path: keys_at(document.data, path))
    return tuple(problem._replace(hint=RETIRED[str(problem.path[0])])
                 if problem.path in {(key,) for key in RETIRED} else problem for problem in problems)


def keys_at(data: Any, path: Path) -> list[str]:  # noqa: ANN401 - whatever a document holds
    """The keys a mapping at this path may have; none where any may."""
    return list(dict.fromkeys(key for cls in _classes(data, path) for key in cls.model_fields))


def _classes(data: Any, path: Path) -> list[type[BaseModel]]:  # noqa: ANN401 - whatever a document holds
    """The classes a value at this path is read as."""
    due: list[Any] = [ModelSpec]
    for part in path:
        due = [inner for each in due for inner in _inside(each, part, data)]
        data = data[part]
    under = path[-1] if path else ""
    return [_of_kind(each, data, under) for each in _plain(due)
            if isinstance(each, type) and issubclass(each, BaseModel)]


def _inside(due: Any, part: str | int, data: Any) -> Iterator[Any]:  # noqa: ANN401 - annotations
    """What stands under a key or index of a value of this type."""
    for each in _plain([due]):
        if isinstance(each, type) and issubclass(each, BaseModel):
            field = _of_kind(each, data).model_fields.get(str(part))
            if field is not None:
                yield field.annotation
        elif get_origin(each) in (dict, tuple, list):
            yield [inner for inner in get_args(each) if inner is not Ellipsis][-1]


def _plain(due: Sequence[Any]) -> Iterator[Any]:
    """The members of unions, without what annotations add."""
    for each in due:
        inner = getattr(each, "__value__", each)
        if hasattr(inner, "__metadata__"):
            marks = (mark.model_class() for mark in inner.__metadata__ if isinstance(mark, Elsewhere))
            yield from _plain([next(marks, inner.__origin__)])
        elif get_origin(inner) is Union or type(inner).__name__ == "UnionType":
            yield from _plain(get_args(inner))
        else:
            yield inner


def _of_kind(cls: type[BaseModel], data: Any, under: str | int = "") -> type[BaseModel]:  # noqa: ANN401
    """A component's own class by its `kind`, or by the key it stands under where that says it (`moe`)."""
    kind = data.get("kind", under) if isinstance(data, dict) else None
    return component_class(kind) if cls is Component and isinstance(kind, str) and kind in KINDS else cls


def _beyond(error: ValidationError, document: Document) -> list[Problem]:
    """What else would be refused, were the values found wrong not there; nothing where they are needed for that."""
    from paramcalc.build import build
    from paramcalc.readers.text.located import located

    wrong = [place_of(details, document.data) for details in error.errors(include_url=False)]
    if () in wrong or any(not details["loc"] for details in error.errors(include_url=False)):
        return []
    mended = document._replace(data=_mended(document.data, wrong))
    further: Sequence[Problem] = ()
    try:
        build(ModelSpec.model_validate(mended.data))
    except ValidationError as second:
        further = _problems(second, mended)
    except SpecError as second:
        further = located(second, document).problems
    removed = {str(part) for path in wrong for part in (path[0], path[-1])}
    removed |= {ANSWERS[key] for key in removed & ANSWERS.keys()}
    renamed = mended.data.keys() - document.data.keys()
    return [p for p in further if not removed.intersection(p.path[-1:]) and not renamed.intersection(p.path[:1])
            and not removed.intersection(p.rests_on)]


def _mended(data: dict[str, Any], wrong: Sequence[Path]) -> dict[str, Any]:
    """The document with misspelt keys as they were meant, and without what is wrong."""
    mended = dict(data)
    for path in wrong:
        key = str(path[0])
        if key in EMPTY and path[1:]:
            mended[key] = {**mended.get(key, {}), path[1]: EMPTY[key]}
        else:
            value = mended.pop(key, None)
            if key in RETIRED:
                continue
            meant = closest(key, list(ModelSpec.model_fields))
            if key not in ModelSpec.model_fields and meant not in ("", *mended):
                mended[meant] = value
    first = {path[0] for path in wrong}
    for key, size in INSTEAD.items():
        if key in first or (key == "num_layers" and "layers" in first):
            mended.setdefault(key, size)
    return mended
