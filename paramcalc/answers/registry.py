"""The answers there are, by the name of their command, and the JSON Schemas `paramcalc schema` prints of them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from paramcalc.answers.answer import Document, Schema

ANSWERS = {
    "count": ("count.Count",), "memory": ("memory.Memory", "placement.PlacedMemory"),
    "fit": ("fit.Fit", "fit_catalog.FitAll", "placement.PlacedFit", "fit_formats.FitFormats"),
    "speed": ("speed.SpeedAnswer",), "scaling": ("scaling.Scaling",), "compare": ("comparison.Comparison",),
    "sweep": ("comparison.Sweep",), "solve": ("solve.Solve",), "train": ("train.Train", "train_search.TrainSearch"),
    "flops": ("flops.Flops",), "convert": ("convert.Convert",), "estimate": ("estimate.Estimate",),
    "explain": ("explain.Explain",), "list": ("listing.Listing",), "diff": ("diff.Diff",), "check": ("check.Check",),
}
"""Command to its modules and classes in `paramcalc.answers`; a module is imported when its answer is asked for."""


def answer_classes(command: str) -> list[type[Document]]:
    """The classes of a command's answers. Raises KeyError for a command without one."""
    places = (name.split(".") for name in ANSWERS[command])
    return [getattr(import_module(f"paramcalc.answers.{module}"), name) for module, name in places]


def answer_schema(command: str) -> Schema:
    """The JSON Schema of a command's answer. Raises KeyError for a command without one."""
    schemas = [answer.schema() for answer in answer_classes(command)]
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def command_schema(command: str) -> Schema:
    """The JSON Schema of what a command writes: an answer, or of several MODELs an array in which one that failed is an
    object with `error`. Raises KeyError for a command without one."""
    from paramcalc.answers.answer import record_schema
    from paramcalc.answers.failure import Failure
    from paramcalc.spec.schema import DIALECT

    title: dict[str, Any] = {"$schema": DIALECT, "title": f"paramcalc {command} --json"}
    if not all(answer.several for answer in answer_classes(command)):
        return title | answer_schema(command)
    one = {"$ref": "#/$defs/answer"}
    each = {"type": "array", "items": {"anyOf": [one, {"$ref": "#/$defs/error"}]}}
    return title | {"anyOf": [one, each],
                    "$defs": {"answer": answer_schema(command), "error": record_schema(Failure)}}


def schema_names() -> tuple[str, ...]:
    """Everything `paramcalc schema` can print."""
    return ("spec", *ANSWERS)
