"""`diff`: what changed between two models: figures, components, tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from paramcalc.answers.answer import Answer, ModelName, head, hidden
from paramcalc.checks.diff import TensorChange, difference
from paramcalc.checks.metrics import CONTEXT, SEQ
from paramcalc.measures.certainty import Certainty, least, of_model, size_certainty
from paramcalc.measures.header_certainty import cache_unknown, flops_certainty

if TYPE_CHECKING:
    from paramcalc.build import Model
    from paramcalc.checks import diff as checks
    from paramcalc.readers.models import Reading


class Change(NamedTuple):
    """A figure or component before and after."""

    name: str
    old: int
    new: int
    change: int
    """`new` less `old`."""
    share: float | None
    """The change as a share of `old`; None where that is 0."""

    @property
    def by(self) -> int:
        """`new` less `old`, in the unit of the figure: parameters, bytes or FLOPs."""
        return self.change


@dataclass(frozen=True, kw_only=True)
class Diff(Answer):
    """Everything that differs; `model` is the new one."""

    command: ClassVar[str] = "diff"
    several: ClassVar[bool] = False
    old: ModelName
    new: ModelName
    same: bool
    """Whether nothing at all differs."""
    figures: tuple[Change, ...]
    components: tuple[Change, ...]
    tensors: tuple[TensorChange, ...]
    known: dict[str, Certainty]
    """By figure; `components` and `tensors` as the parameters."""
    unread: tuple[str, ...] = hidden(default=())
    """Keys of either side that could change a size and are not used."""


def diff(old: Reading, new: Reading) -> Diff:
    """What changed from one model to another."""
    before, after = head(old), head(new)
    changes = difference(before["built"], after["built"])
    figures = tuple(map(_change, changes.figures))
    shared = {key: tuple(dict.fromkeys((*before[key], *after[key]))) for key in ("warnings", "uncounted")}
    levels = [_levels(start["built"]) for start in (before, after)]
    return Diff(
        **after | shared | {"assumptions": {"context": CONTEXT, "seq": SEQ, "dtype": "bf16", "cache_policy": "exact",
                                            "convention": "full"}},
        old=before["model"], new=after["model"], same=changes.same, figures=figures,
        components=tuple(map(_change, changes.components)), tensors=changes.tensors,
        known={name: least(*(level.get(name, level["components"]) for level in levels))
               for name in (*(row.name for row in figures), "components", "tensors")},
        unread=tuple(dict.fromkeys((*old.spec.unread, *new.spec.unread))))


def _change(change: checks.Change) -> Change:
    return Change(*change, change.by, round(change.by / change.old, 6) if change.old else None)


def _levels(model: Model) -> dict[str, Certainty]:
    """How figures of a model are known; those that are not named as `components`."""
    without_cache = cache_unknown(model)
    return {"components": size_certainty(model.spec), "bytes_bf16": of_model(model.spec, "weights"),
            "cache_per_token": "unknown" if without_cache else of_model(model.spec, "cache"),
            "flops_per_token": flops_certainty(model)}
