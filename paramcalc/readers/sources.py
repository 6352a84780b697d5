"""A model from whatever a Python program holds: a specification, a mapping, a config object, a path or a name."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

from paramcalc.errors import InputError, Problem, UsageError
from paramcalc.readers.text.document import Document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paramcalc.readers.models import Reading
    from paramcalc.spec.model import ModelSpec


Source: TypeAlias = "str | Path | Mapping[str, Any] | ModelSpec | Reading | Config"
"""What describes a model."""


@runtime_checkable
class Config(Protocol):
    """A config object of another library, such as transformers' PretrainedConfig."""

    def to_dict(self) -> dict[str, Any]:
        """Its fields, as config.json has them."""


def spec_of(model: Source) -> ModelSpec:
    """The specification of a model, as `reading_of` reads it."""
    return reading_of(model).spec


def reading_of(model: Source, changes: Sequence[str] = ()) -> Reading:
    """A ModelSpec, a mapping (a spec or a config.json), an object with `to_dict()`, a path, or a preset's name, read.

    `changes` are `key=value` as `--set` takes them. Raises InputError for anything else, SpecError or
    UnknownArchitectureError as reading a file does.
    """
    from paramcalc.readers.models import Reading, interpret, load, warnings_of
    from paramcalc.spec.model import ModelSpec

    if isinstance(model, Reading) and not changes:
        return model
    if isinstance(model, ModelSpec) and not changes:
        return Reading(model, "", Document({}, ""), warnings_of(model))
    if isinstance(model, str | Path):
        return load(str(model), changes)
    if isinstance(model, ModelSpec | Reading):
        raise UsageError(Problem("changes apply to a path, a preset or a mapping, not to a specification that is read",
                                 hint="spec.model_copy(update={...})"))
    data = dict(model) if isinstance(model, Mapping) else model.to_dict() if isinstance(model, Config) else None
    if data is None:
        raise InputError(f"expected a specification, a mapping, a config or a path, found {type(model).__name__}")
    return interpret(Document(deepcopy(data) if changes else data, "<dict>"), "", changes)
