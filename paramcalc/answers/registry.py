"""The answers there are, by the name of their command: what `paramcalc schema` can describe."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from paramcalc.answers.answer import Document

ANSWERS = {"count": ("Count",), "memory": ("Memory",), "fit": ("Fit", "FitAll"), "speed": ("SpeedAnswer",),
           "scaling": ("Scaling",), "compare": ("Comparison",), "sweep": ("Sweep",),
           "solve": ("Solve",)}
"""Command to its classes in `paramcalc.answers.COMMAND`; a module is imported when its answer is asked for."""

MODULES = {"compare": "comparison", "sweep": "comparison"}
"""Where the module has another name than the command."""


def answer_classes(command: str) -> list[type[Document]]:
    """The classes of a command's answers. Raises KeyError for a command without one."""
    module = import_module(f"paramcalc.answers.{MODULES.get(command, command)}")
    return [getattr(module, name) for name in ANSWERS[command]]


def answer_schema(command: str) -> dict[str, Any]:
    """The JSON Schema of a command's answer. Raises KeyError for a command without one."""
    schemas = [answer.schema() for answer in answer_classes(command)]
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
