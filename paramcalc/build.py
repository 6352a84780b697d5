"""From a specification to its tree."""

from __future__ import annotations

from functools import partial
from types import MethodType
from typing import TYPE_CHECKING, Any, NamedTuple, SupportsIndex

from paramcalc.components.base import Parts
from paramcalc.components.layout import unroll
from paramcalc.components.stack import Stack
from paramcalc.dims import Dim
from paramcalc.spec.lower import Lowered, lower
from paramcalc.tree import CROSSING, Context, Leaf, Node, Tensor

if TYPE_CHECKING:
    from paramcalc.components.base import Component
    from paramcalc.spec.model import ModelSpec
    from paramcalc.spec.tower import Tower


class Model(NamedTuple):
    """A specification and its tree; `apart` holds the trees of parts a plain forward pass leaves out."""

    spec: ModelSpec
    tree: Node
    apart: dict[str, Node]


class MisplacedError(Exception):
    """A component cannot stand where it does."""


def build(spec: ModelSpec, *, explain: bool = False) -> Model:
    """The tree of a specification; with `explain`, every dimension remembers the fields it was made from.

    Raises SpecError where the specification describes what cannot be.
    """
    lowered = lower(spec)
    context = Context(spec.hidden_size, spec.vocab_size or 0)
    if explain:
        context = Context(Dim(context.hidden_size, "hidden_size"), Dim(context.vocab_size, "vocab_size"))
    try:
        apart = {name: _tree(Lowered(parts, lowered.blocks), context, explain) for name, parts in spec.apart.items()}
        tree = _tree(lowered, context, explain)
        if spec.towers:
            towers = tuple(_tower(name, tower, lowered.towers[name], explain) for name, tower in spec.towers.items())
            tree = tree.replace(children=(*towers, *tree.children))
        if spec.adapters is not None:
            from paramcalc.adapters import adapted

            tree = adapted(tree, spec.adapters)
        return Model(spec, tree, apart)
    except MisplacedError:
        from paramcalc.spec.placement import misplaced

        raise misplaced(spec, lowered, context) from None


def _tree(lowered: Lowered, context: Context, explain: bool) -> Node:
    place = _Place(context, explain)
    return Node("", (), tuple([
        _stack(key, part, lowered.blocks, place) if isinstance(part, Stack) else place.node(key, part)
        for key, part in lowered.modules.items()]))


def _tower(name: str, tower: Tower, lowered: Lowered, explain: bool) -> Node:
    """The tree of a tower: one child of the model's, all of whose parts count with it."""
    width = Dim(tower.hidden_size, "hidden_size") if explain else tower.hidden_size
    tree = _tree(lowered, Context(width), explain).replace(stream=tower.stream, label=name)
    return tree if tower.component is None else tree.map(partial(_with, tower.component))


def _with(component: str, _: str, leaf: Leaf) -> tuple[Leaf, ...]:
    return (leaf._replace(component=component),)


def _stack(key: str, stack: Stack, blocks: dict[str, Parts], place: _Place) -> Node:
    if stack.hidden_size:
        place = place.of_width(stack.hidden_size)
    names = unroll(stack.of)
    counts = {name: names.count(name) for name in dict.fromkeys(names)}
    children = tuple([
        Node("*", (), tuple([place.node(k, p) for k, p in blocks[name].items()]), n, n, label=name,
             stream=CROSSING if _crosses_only(blocks[name], place.context) else "")
        for name, n in counts.items()
    ])
    index = {name: i for i, name in enumerate(counts)}
    stream = "" if stack.stream == "token" else stack.stream
    return Node(key if stack.path is None else stack.path, (), children, 1, stack.uses, stack, place.context,
                stack.every, order=tuple(map(index.__getitem__, names)), stream=stream)


def _crosses_only(parts: Parts, context: Context) -> bool:
    """Whether tokens of a layer attend to a source and to nothing else."""
    if not any(vars(part).get("cross", False) for part in parts.values()):  # getattr asks pydantic where there is none
        return False
    return not any(work.per == "pair" for part in parts.values() for work in part.work(context))


class _Place:
    """Where parts of one width stand. A part that stands there several times (a norm) makes its tensors once."""

    def __init__(self, context: Context, explain: bool) -> None:
        self.context = context
        self.explain = explain
        self.tensors: dict[int, tuple[Tensor, ...]] = {}
        """By the identity of the part."""

    def of_width(self, width: int) -> _Place:
        """A place in a stack of a width of its own."""
        width = Dim(width, "hidden_size") if self.explain else width
        return _Place(self.context._replace(hidden_size=width), self.explain)

    def node(self, key: str, part: Component) -> Node:
        """The node of a part. Raises MisplacedError for one that cannot stand here."""
        context = self.context
        if part.problems(context):
            raise MisplacedError
        component: Any = Explained(part) if self.explain else part
        tensors = self.tensors.get(id(part))
        if tensors is None:
            tensors = self.tensors[id(part)] = () if part.without_weights else tuple(component.tensors(context))
        copies, stored = part.copies, part.stored
        return Node(key if part.path is None else part.path, tensors, (), copies if stored is None else stored,
                    copies * part.uses, component, context, part.every)


class Explained:
    """A component whose integer fields are `Dim`s that know their field's name; its methods see them so."""

    def __init__(self, part: Component) -> None:
        self._part = part

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[type[Explained], tuple[Component]]:
        return Explained, (self._part,)  # __class__ misleads pickle

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """The component's: what `super` asks for when a method calls that of the class it extends."""
        return type(self._part)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - stands in for any component
        value = getattr(self._part, name)
        if type(value) is int:
            return Dim(value, name)
        if isinstance(value, MethodType) and value.__self__ is self._part:
            return MethodType(value.__func__, self)
        return value
