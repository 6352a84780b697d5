"""`count`: parameters of a model, by component, by layer, by tensor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, cast, get_args

from paramcalc.answers.answer import Answer, head, json_key
from paramcalc.component_names import ComponentName
from paramcalc.errors import Problem, UsageError
from paramcalc.measures.certainty import Certainty, size_certainty
from paramcalc.measures.parameters import Counts, Row, placed, rows
from paramcalc.measures.parameters import count as counted

if TYPE_CHECKING:
    from paramcalc.build import Model
    from paramcalc.readers.models import Reading
    from paramcalc.tree import Node

By = Literal["component", "layer", "tensor"]


class Parameters(NamedTuple):
    """Parameters of the whole model: each once, a tied matrix once."""

    total: int
    active: int
    """What one token visits."""
    embedding: int
    """Token and position tables and the head."""
    non_embedding: int
    known: Certainty


class ComponentCount(NamedTuple):
    """Parameters of one component; those of all components add up to the total."""

    component: ComponentName
    parameters: int
    active: int
    share: float
    """Of the total."""


class TensorCount(NamedTuple):
    """Tensors of one name and shape, as files hold them."""

    name: str
    """As the published checkpoint spells it, `*` for a repeated index."""
    shape: tuple[int, ...]
    copies: int
    component: ComponentName


class LayerCount(NamedTuple):
    """One layer of a stack."""

    layer: str
    parameters: int
    active: int


@dataclass(frozen=True, kw_only=True)
class Count(Answer):
    """Exact parameters of a model; a lower bound where a part of it is not counted."""

    command: ClassVar[str] = "count"
    parameters: Parameters
    buffers: int
    """Values of a state dict that are no parameters."""
    by_component: tuple[ComponentCount, ...] = json_key("components")
    trainable: int | None = None
    """Of a model with adapters: what is trained, all else being frozen."""
    apart: dict[str, int] | None = None
    """Parameters of parts that files hold and a plain forward pass leaves out."""
    tensors: tuple[TensorCount, ...] | None = None
    """With `by="tensor"`."""
    buffer_tensors: tuple[TensorCount, ...] | None = None
    """With `by="tensor"`."""
    layers: tuple[LayerCount, ...] | None = None
    """With `by="layer"`."""

    @property
    def total(self) -> int:
        """Number of parameters of the model, each counted once."""
        return self.parameters.total

    @property
    def active(self) -> int:
        """Number of parameters that one token visits."""
        return self.parameters.active

    @property
    def embedding(self) -> int:
        """Number of parameters of the token and position embeddings and the head, a tied matrix once."""
        return self.parameters.embedding

    @property
    def components(self) -> dict[str, tuple[int, int]]:
        """Numbers of parameters and of active ones, by the name of the component."""
        return {row.component: (row.parameters, row.active) for row in self.by_component}


def count(reading: Reading, by: By) -> Count:
    """Count the parameters of a model that was read. Raises UsageError for rows of something else."""
    if by not in get_args(By):
        raise UsageError(Problem(f"by {str(by)[:60]!r}", hint=f"one of {', '.join(get_args(By))}"))
    start = head(reading)
    model = start["built"]
    counts = counted(model.tree)
    by_name = rows(model.tree) if by == "tensor" else []
    return Count(
        **start, parameters=parameters(counts, size_certainty(model.spec)), buffers=counts.buffers,
        by_component=components(counts), trainable=trainable(model),
        apart={name: counted(tree).total for name, tree in model.apart.items()} or None,
        tensors=_tensors(by_name, buffers=False) if by == "tensor" else None,
        buffer_tensors=_tensors(by_name, buffers=True) if by == "tensor" else None,
        layers=_layers(model.tree) if by == "layer" else None)


def trainable(model: Model) -> int | None:
    """Parameters that are trained, where the specification describes adapters."""
    if model.spec.adapters is None:
        return None
    return sum(item.parameters for item in placed(model.tree) if not item.tensor.frozen)


def parameters(counts: Counts, level: Certainty) -> Parameters:
    """The counts of the whole model."""
    return Parameters(counts.total, counts.active, counts.embedding, counts.total - counts.embedding, level)


def components(counts: Counts) -> tuple[ComponentCount, ...]:
    """The counts of each component the model has, with its share of the total."""
    divisor = counts.total or 1
    return tuple(ComponentCount(cast("ComponentName", name), total, active, round(total / divisor, 6))
                 for name, (total, active) in counts.components.items())


def _tensors(every: list[Row], *, buffers: bool) -> tuple[TensorCount, ...]:
    return tuple(TensorCount(row.name, row.shape, row.copies, row.component) for row in every if row.buffer is buffers)


def _layers(tree: Node) -> tuple[LayerCount, ...]:
    """Each layer of each stack with its parameters, in order."""
    layers = []
    for path, node, _, _ in tree.walk():
        by_kind = [counted(child.replace(stored=1, used=1)) for child in node.children] if node.order else []
        layers += [LayerCount(f"{path}.{index}", by_kind[kind].total, by_kind[kind].active)
                   for index, kind in enumerate(node.order)]
    return tuple(layers)
