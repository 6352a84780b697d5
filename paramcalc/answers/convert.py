"""`convert`: a model in the spec language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from paramcalc.answers.answer import Answer, head
from paramcalc.spec.dump import dump

if TYPE_CHECKING:
    from paramcalc.readers.models import Loaded


@dataclass(frozen=True, kw_only=True)
class Convert(Answer):
    """A spec that counts the same, tensor by tensor."""

    command: ClassVar[str] = "convert"
    spec: dict[str, Any]
    """As its YAML file has it."""


def convert(loaded: Loaded) -> Convert:
    """The spec of a model that is loaded, with where it came from. Raises PCError for a model that cannot be built."""
    spec = loaded.spec
    if not spec.source and loaded.source:
        spec = spec.model_copy(update={"source": f"converted from {loaded.source}"})
    return Convert(**head(loaded), spec=dump(spec))
