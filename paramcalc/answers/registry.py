"""The answers there are, by the name of their command: what `paramcalc schema` can describe."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from paramcalc.answers.answer import Answer

ANSWERS = {"count": "Count", "speed": "SpeedAnswer"}
"""Command to its class in `paramcalc.answers.COMMAND`; a module is imported when its answer is asked for."""


def answer_class(command: str) -> type[Answer]:
    """The class of a command's answer. Raises KeyError for a command without one."""
    answer: type[Answer] = getattr(import_module(f"paramcalc.answers.{command}"), ANSWERS[command])
    return answer
