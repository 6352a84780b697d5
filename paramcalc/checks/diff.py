"""What changed between two models: figures, components, tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from paramcalc.checks.metrics import Figures
from paramcalc.component_names import COMPONENTS, ComponentName
from paramcalc.measures.parameters import Row, rows

if TYPE_CHECKING:
    from paramcalc.build import Model
    from paramcalc.tree import Node


class TensorChange(NamedTuple):
    """A tensor of a shape of which there are more or fewer; 0 where there is none."""

    name: str
    shape: tuple[int, ...]
    old: int
    new: int
    component: ComponentName

    def __str__(self) -> str:
        size = " × ".join(f"{d:,}" for d in self.shape) or "one value"
        if self.old == 0:
            return f"{self.name} ({size}): {self.new:,} more"
        if self.new == 0:
            return f"{self.name} ({size}): {self.old:,} missing"
        return f"{self.name} ({size}): {self.old:,} became {self.new:,}"


class Change(NamedTuple):
    """A figure before and after."""

    name: str
    old: int
    new: int

    @property
    def by(self) -> int:
        """The difference, in the unit of the figure: parameters, bytes or FLOPs."""
        return self.new - self.old


class Difference(NamedTuple):
    """Everything that is said of two models."""

    figures: tuple[Change, ...]
    components: tuple[Change, ...]
    tensors: tuple[TensorChange, ...]

    @property
    def same(self) -> bool:
        """Whether nothing at all differs."""
        return not self.tensors and all(change.by == 0 for change in self.figures)


def difference(old: Model, new: Model) -> Difference:
    """Figures of both, components that differ or that either has, tensors that differ."""
    before, after = Figures(old), Figures(new)
    had, has = before.named(), after.named()
    figures = tuple(Change(name, had[name], has[name]) for name in had)
    names = [name for name in COMPONENTS if before.component(name) or after.component(name)]
    components = tuple(Change(name, before.component(name), after.component(name)) for name in names)
    return Difference(figures, components, tensor_changes(old.tree, new.tree))


def tensor_changes(old: Node, new: Node) -> tuple[TensorChange, ...]:
    """Tensors by name and shape, of which the two trees hold different numbers, in the order of the models."""
    before, after = _by_shape(old), _by_shape(new)
    changes = []
    for key in dict.fromkeys((*before, *after)):
        had, has = before.get(key), after.get(key)
        copies = (had.copies if had else 0, has.copies if has else 0)
        if copies[0] != copies[1]:
            changes.append(TensorChange(*key, *copies, (has or had or _NONE).component))
    return tuple(changes)


_NONE = Row("", (), 0, "other", False)


def _by_shape(tree: Node) -> dict[tuple[str, tuple[int, ...]], Row]:
    return {(row.name, row.shape): row for row in rows(tree)}
