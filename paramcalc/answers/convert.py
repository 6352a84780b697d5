"""`convert`: a model in the spec language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from paramcalc.answers.answer import Answer, head
from paramcalc.spec.dump import dump

if TYPE_CHECKING:
    from paramcalc.readers.models import Reading


@dataclass(frozen=True, kw_only=True)
class Convert(Answer):
    """A spec that counts the same, tensor by tensor."""

    command: ClassVar[str] = "convert"
    spec: dict[str, Any]
    """As its YAML file has it."""


def convert(reading: Reading) -> Convert:
    """The spec of a model that was read, with where it came from. Raises PCError for a model that cannot be built."""
    spec = reading.spec
    if not spec.source and reading.source:
        spec = spec.model_copy(update={"source": f"converted from {reading.source}"})
    return Convert(**head(reading), spec=dump(spec))
