"""Options that would have no effect are refused: what each needs beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.errors import Problem, UsageError

if TYPE_CHECKING:
    from paramcalc.build import Model
    from paramcalc.settings import Settings


def need(settings: Settings, names: tuple[str, ...], *, given: bool, what: str, hint: str = "") -> None:
    """Raise UsageError where one of the fields was said though what it needs is not there."""
    for name in names:
        if settings.said(name) and not given:
            raise UsageError(Problem(f"--{name.replace('_', '-')} has no effect without {what}", hint=hint))


def need_encoder(settings: Settings, model: Model) -> None:
    """Raise UsageError for --source on a model without an encoder."""
    encodes = any(node.stream == "source" for node in model.tree.nodes()) or any(
        tensor.per in ("source", "sequence") for node in model.tree.nodes() for tensor in node.tensors)
    need(settings, ("source",), given=encodes or _crosses(model), what="an encoder, and this model has none",
         hint="leave --source out")


def _crosses(model: Model) -> bool:
    """Whether something attends to tokens of an encoder that is not part of the tree."""
    return any(state.per == "source" for path, node, _, _ in model.tree.walk() for state in node.states(path))
