"""A specification back to the plain data people write: what differs from the defaults, in an order to read."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from paramcalc.spec.bounds import Bound
from paramcalc.spec.layer import Block
from paramcalc.spec.model import ModelSpec

FIRST = ("paramcalc", "name", "family", "composite", "source", "notes", "uncounted", "vocab_size", "hidden_size",
         "num_layers")
LAST = ("blocks", "layers", "modules", "towers", "apart", "names", "expect")
ALWAYS = ("kind", "paramcalc")


def dump(spec: ModelSpec) -> dict[str, Any]:
    """Mappings, lists and scalars that parse to the same specification."""
    return _model(spec)


def _model(part: BaseModel) -> dict[str, Any]:
    fields = type(part).model_fields
    middle = [key for key in fields if key not in FIRST and key not in LAST]
    keys = [key for key in ("kind", *FIRST, *middle, *LAST) if key in fields]
    return {key: _plain(getattr(part, key)) for key in dict.fromkeys(keys) if _is_set(part, key)}


def _is_set(part: BaseModel, key: str) -> bool:
    """A block's own null hides the model's value, so what a block set is kept even where it is the default."""
    if key in ALWAYS:
        return True
    if isinstance(part, Block) and not isinstance(part, ModelSpec):
        return key in part.model_fields_set
    return bool(getattr(part, key) != type(part).model_fields[key].get_default(call_default_factory=True))


def _plain(value: Any) -> Any:  # noqa: ANN401 - any field's value
    if isinstance(value, BaseModel):
        return _model(value)
    if isinstance(value, Bound):
        return value.plain()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
