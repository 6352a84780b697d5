"""Towers that are not trained: their weights are held, and nothing is kept of them for the backward pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.errors import Problem, UsageError
from paramcalc.tree import Leaf, Tensor

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from paramcalc.build import Model


def freeze(model: Model, names: Sequence[str], plain: Model | None = None) -> Model:
    """The model with some of its towers frozen, each named as the model has it (`vision`) or by its component.

    `plain` is the model before it got adapters, which frozen towers have none of. Raises UsageError for a name of no
    tower.
    """
    if not names:
        return model
    towers = model.spec.towers
    names_of_towers = {label: {label, tower.component} for label, tower in towers.items()}
    if strange := [name for name in names if not any(name in tower_names for tower_names in names_of_towers.values())]:
        hint = f"it has {', '.join(towers)}" if towers else "it has none: every weight is the text model's"
        raise UsageError(Problem(f"no tower of this model is called {', '.join(strange)[:100]}", hint=hint))
    labels = {label for label, tower_names in names_of_towers.items() if tower_names & set(names)}
    pairs = zip(model.tree.children, (plain or model).tree.children, strict=True)
    children = tuple(before.map(_frozen) if child.stream and child.label in labels else child
                     for child, before in pairs)
    return model._replace(tree=model.tree.replace(children=children))


def _frozen(_: str, leaf: Leaf, /) -> Iterable[Leaf]:
    return (leaf._replace(frozen=True) if isinstance(leaf, Tensor) else leaf,)
