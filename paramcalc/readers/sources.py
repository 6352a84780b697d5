"""A specification from whatever a Python program holds: a specification, a dict, a config object, a path or name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from paramcalc.errors import InputError, SpecError
from paramcalc.readers.text.document import Document

if TYPE_CHECKING:
    from paramcalc.spec.model import ModelSpec


def spec_of(model: object) -> ModelSpec:
    """The specification of a ModelSpec, a dict (of ours or a config.json), an object with `to_dict()` (a config of
    transformers), a path, or a preset's name.

    Raises InputError for anything else, SpecError or UnknownArchitectureError as reading a file does.
    """
    from paramcalc.spec.model import ModelSpec

    if isinstance(model, ModelSpec):
        return model
    if isinstance(model, str | Path):
        from paramcalc.readers.models import load

        return load(str(model)).spec
    if hasattr(model, "to_dict"):
        model = model.to_dict()
    if not isinstance(model, dict):
        raise InputError(f"expected a specification, a dict, a config or a path, found {type(model).__name__}")
    return _of_dict(model)


def _of_dict(data: dict[str, Any]) -> ModelSpec:
    from paramcalc.readers.models import parse_spec

    if "model_type" in data:
        from paramcalc.readers.config.read import read_config

        return read_config(data).spec
    try:
        return parse_spec(Document(data, "<dict>"))
    except SpecError as error:
        raise error.within("<dict>") from error
