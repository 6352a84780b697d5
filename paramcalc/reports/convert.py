"""What `convert` says: the specification as YAML, or as the same data in JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.reports.count import head
from paramcalc.reports.spec_yaml import spec_yaml
from paramcalc.reports.table import Answer
from paramcalc.spec.dump import dump

if TYPE_CHECKING:
    from paramcalc.readers.models import Loaded


def answer(loaded: Loaded) -> Answer:
    """A specification of ours that counts the same, tensor by tensor."""
    spec = loaded.spec
    if not spec.source:
        spec = spec.model_copy(update={"source": f"converted from {loaded.source}"})
    data = dump(spec)
    return Answer(head("convert", loaded) | {"spec": data}, text=spec_yaml(data))
