"""A model in the pieces llama.cpp places: what stands before the layers, each layer, what comes after them.

Layers that hold the same are one piece. What the routed experts of a layer take is known apart, since
`--n-cpu-moe` leaves them on the host.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from paramcalc.catalog.formats import find_format
from paramcalc.component_names import TABLES, TOWERS
from paramcalc.errors import Problem, UsageError
from paramcalc.estimates.prefill import Widths, widths
from paramcalc.measures.cache import Mixer, mixers
from paramcalc.measures.parameters import placed
from paramcalc.measures.weights import tensor_bytes

if TYPE_CHECKING:
    from paramcalc.tree import Node, Tensor

EXPERTS = "moe_experts"
BEHIND = ("moe_shared.up_proj",)
"""In a file sorted by name, what of a layer comes after its experts' `ffn_up_exps`: `ffn_up_shexp`."""


class Piece(NamedTuple):
    """One layer, or what stands outside of layers."""

    components: dict[str, int]
    """Bytes by component, experts included."""
    kinds: tuple[Mixer, ...]
    width: Widths
    experts: tuple[int, ...] = ()
    """Bytes of each array of experts: gate, up, down."""
    largest: int = 0
    """Bytes of its largest array."""
    behind: int = 0
    """Bytes that stand behind the last array of experts in a sorted file."""

    @property
    def weights(self) -> int:
        """Bytes of all its tensors."""
        return sum(self.components.values())

    @property
    def copied(self) -> int:
        """Bytes for arrays that are copied to be computed with: a larger one does not fit where a smaller stood."""
        return sum(set(self.experts)) or self.largest


class Pieces(NamedTuple):
    """A whole model."""

    kinds: tuple[Piece, ...]
    order: tuple[int, ...]
    """For each layer, which piece it is."""
    tables: dict[str, int]
    """Bytes by component of what is looked up."""
    output: dict[str, int]
    """Bytes by component of what comes after the layers: the last norm, the head."""
    again: int
    """Bytes of a tied table, which a card with the output holds once more."""
    towers: dict[str, int]
    """Bytes by component of towers, which stand in a file of their own."""
    head: Widths
    """Of the whole model: its head's width is the output's."""

    def layer(self, number: int) -> Piece:
        """The piece of a layer."""
        return self.kinds[self.order[number]]


def pieces(tree: Node, dtype: str) -> Pieces:
    """A model, its tensors in their formats, in pieces. Raises UsageError for one that is not a stack of layers between
    a table and a head."""
    stacks = [child for child in tree.children if child.order and not _is_tower(child)]
    if len(stacks) != 1 or any(node.stream == "source" for node in tree.nodes()):
        raise UsageError(Problem("how llama.cpp places the layers of a model with several stacks is not modelled here",
                                 hint="leave --ram, --gpu-layers, --cpu-moe and --tensor-split out"))
    stack = stacks[0]
    tables: dict[str, int] = {}
    output: dict[str, int] = {}
    towers: dict[str, int] = {}
    again = 0
    for item in placed(tree.replace(children=tuple(child for child in tree.children if child is not stack))):
        component, size = item.tensor.component, _bytes(item.tensor, dtype)
        if component == "lm_head" and not item.stored:
            again += size
            continue
        place = tables if component in TABLES else towers if component in TOWERS else output
        place[component] = place.get(component, 0) + item.stored * size
    first: set[int] = set()
    kinds: list[Piece] = []
    order: list[int] = []
    for number in stack.order:
        layer = stack.children[number]
        shared = layer.stored < stack.order.count(number)  # one block at many places: its weights stand at the first
        kinds_of = (number, shared and number in first)
        first.add(number)
        piece = _piece(layer, stack.order.count(number), dtype, stored=not kinds_of[1])
        if piece not in kinds:
            kinds.append(piece)
        order.append(kinds.index(piece))
    return Pieces(tuple(kinds), tuple(order), tables, output, again, towers, widths(tree))


def _piece(layer: Node, places: int, dtype: str, *, stored: bool) -> Piece:
    one = layer.replace(stored=int(stored), used=max(1, layer.used // places))
    components: dict[str, int] = {}
    experts: list[int] = []
    behind = largest = 0
    for item in placed(one):
        size = item.stored * _bytes(item.tensor, dtype)
        largest = max(largest, size)
        component = item.tensor.component
        components[component] = components.get(component, 0) + size
        if component == EXPERTS and item.tensor.role == "matmul":
            experts.append(size)
        if f"{component}.{item.tensor.part.rsplit('.', 1)[-1]}" in BEHIND:
            behind += size
    return Piece({name: size for name, size in components.items() if size}, mixers(one), widths(one), tuple(experts),
                 largest, behind)


def _bytes(tensor: Tensor, dtype: str) -> int:
    return tensor_bytes(tensor, find_format(dtype))


def _is_tower(node: Node) -> bool:
    return any(tensor.component in TOWERS for below in node.nodes() for tensor in below.tensors)
