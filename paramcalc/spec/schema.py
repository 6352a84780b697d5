"""The JSON Schema of a specification, for editors and for other programs."""

from __future__ import annotations

import ast
import inspect
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pydantic.json_schema import models_json_schema

from paramcalc.components import KINDS, component_class
from paramcalc.components.base import Component
from paramcalc.components.layout import Repeat
from paramcalc.spec.adapter import Adapters
from paramcalc.spec.behaviour import Dropout, Routing
from paramcalc.spec.caveats import Caveat
from paramcalc.spec.expect import CacheBudget, Expect, Fits, FlopBudget, LoraBudget
from paramcalc.spec.layer import Block
from paramcalc.spec.model import ModelSpec
from paramcalc.spec.quantize import QuantRule
from paramcalc.spec.tower import Tower

if TYPE_CHECKING:
    from pydantic import BaseModel

DIALECT = "https://json-schema.org/draft/2020-12/schema"
REF = "#/$defs/"
NESTED: tuple[type[BaseModel], ...] = (Adapters, Block, CacheBudget, Caveat, Expect, Fits, FlopBudget, LoraBudget,
                                       QuantRule, Dropout, Routing, Tower)


def spec_schema() -> dict[str, Any]:
    """A specification; wherever a component may stand, any kind may, told apart by `kind`."""
    classes: list[type[BaseModel]] = list(dict.fromkeys(component_class(kind) for kind in KINDS))
    classes += [*NESTED, ModelSpec]
    _, schema = models_json_schema([(cls, "validation") for cls in classes])
    definitions: dict[str, Any] = schema["$defs"]
    for cls in classes:
        _describe(definitions[cls.__name__], cls)
    _describe(definitions["Repeat"], Repeat)
    definitions["Component"] = {
        "description": "A part of a model; `kind` says which.",
        "type": "object", "required": ["kind"], "properties": {"kind": {"enum": list(KINDS)}},
        "anyOf": [{"$ref": REF + cls.__name__} for cls in classes if issubclass(cls, Component)],
    }
    spec: dict[str, Any] = _refer(definitions.pop("ModelSpec"))
    return {"$schema": DIALECT, "title": "paramcalc specification", **spec,
            "$defs": {name: _refer(definitions[name]) for name in sorted(definitions)}}


def _describe(schema: dict[str, Any], cls: type[BaseModel]) -> None:
    """Put each field's docstring to its property; titles, which only repeat the key, go."""
    documented = _docstrings(cls)
    schema.pop("title", None)
    for key, field in schema["properties"].items():
        field.pop("title", None)
        if key in documented:
            field["description"] = documented[key]


def _docstrings(cls: type) -> dict[str, str]:
    """The strings that stand below fields, those of base classes included."""
    texts: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if base.__module__.startswith("paramcalc."):
            body = next(node for node in ast.parse(inspect.getsource(base)).body if isinstance(node, ast.ClassDef)).body
            for field, text in pairwise(body):
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and _text(text):
                    texts[field.target.id] = inspect.cleandoc(_text(text)).replace("\n", " ")
    return texts


def _text(node: ast.stmt) -> str:
    value = node.value if isinstance(node, ast.Expr) else None
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""


def _refer(schema: Any) -> Any:  # noqa: ANN401 - JSON
    """The schema with every stand-in for a component replaced by a reference to all of them."""
    if isinstance(schema, list):
        return [_refer(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "x-component" in schema:
        return {"$ref": f"{REF}Component"}
    return {key: _refer(value) for key, value in schema.items()}
