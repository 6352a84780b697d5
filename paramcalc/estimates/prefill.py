"""The most that is alive while a prompt is computed: an estimate from the widths of the layers.

Counted for each token of a chunk: the residual stream twice (before and after a layer), and in the widest layer what
each projection gives plus what the last one takes (gate, up and their product; q, k, v and attention's output; as much
for each chosen expert). A mixer that convolves gives as much again as the convolution takes, and where its kernels do
not work in place, the recurrent state of each sequence stands beside the one it becomes. Then the logits, in the
compute type and once more in fp32.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.component_names import TOWERS
from paramcalc.spec.media import STREAMS

if TYPE_CHECKING:
    from paramcalc.spec.media import Media
    from paramcalc.tree import Node, Tensor



class Widths(NamedTuple):
    """Values a token of one rank's model is made of."""

    hidden: int
    widest: int
    """In the widest layer, beyond the residual stream."""
    logits: int
    """Outputs of the head; 0 where this rank has none."""
    attention: int = 0
    """In the widest attention, beyond the residual stream and the scores."""
    heads: int = 0
    """Query heads of it."""
    recurrent: int = 0
    """In the widest mixer with a recurrent state, beyond the residual stream, when its convolution has run."""
    state: int = 0
    """Of that mixer, for each sequence."""


class TowerWidths(NamedTuple):
    """Values a position of a tower, or of what joins it to the text model, is made of."""

    stream: str
    widths: Widths


def widths(tree: Node) -> Widths:
    """The widths of one rank's tree, towers left out."""
    text = tuple(child for child in tree.children if child.stream not in STREAMS)
    return _widths(tree.replace(children=text), TOWERS)


def tower_widths(tree: Node) -> tuple[TowerWidths, ...]:
    """The widths of each tower of one rank's tree."""
    return tuple(TowerWidths(child.stream, _widths(child)) for child in tree.children if child.stream in STREAMS)


def _widths(tree: Node, without: frozenset[str] = frozenset()) -> Widths:
    hidden = widest = logits = 0
    attention = recurrent = (0, 0)
    for path, node, _, _ in tree.walk():
        alive = convolved = 0
        for tensor in node.tensors:
            if tensor.component in without:
                continue
            if tensor.component == "lm_head" and tensor.role == "matmul":
                logits = max(logits, _out(tensor))
            elif tensor.role == "matmul":
                alive += tensor.used * _alive(tensor)
                convolved += 0 if _returns(tensor) else tensor.used * _alive(tensor)
            elif tensor.role == "conv":
                convolved += tensor.shape[0]
        state = sum(state.used * prod(state.shape) for state in node.states(path) if state.per == "sequence"
                    and "kernel" not in state.axes)
        if state:
            recurrent = max(recurrent, (convolved, state))
        hidden = max(hidden, node.context.hidden_size if node.context else 0)
        widest = max(widest, alive, _loose(node))
        attention = max([attention, *((work.shape[0], alive) for work in node.work(path)
                                      if work.per == "pair" and work.axes[0] == "heads")])
    return Widths(hidden, widest, logits, attention[1], attention[0], *recurrent)


def _loose(layer: Node) -> int:
    """In the widest part of a layer whose matrices stand in it one by one, as in a file's header."""
    values: dict[str, int] = {}
    for node in layer.children:
        if len(node.tensors) == 1 and node.tensors[0].role == "matmul" and not node.children:
            tensor = node.tensors[0]
            values[tensor.component] = values.get(tensor.component, 0) + tensor.used * _alive(tensor)
    return max(values.values(), default=0) if layer.label else 0


def _out(tensor: Tensor) -> int:
    """How wide a projection is on the side that is not the residual stream; as it gives, where neither side is it."""
    if "hidden" not in tensor.axes:
        return tensor.shape[0]
    place = tensor.axes.index("hidden")
    return prod(size for axis, size in enumerate(tensor.shape) if axis != place)


def _alive(tensor: Tensor) -> int:
    """What a projection gives, or, where it gives the residual stream, what it takes; a convolution what it gives."""
    if "kernel0" in tensor.axes:
        return tensor.shape[0]
    if "hidden" in tensor.axes:
        inner = _out(tensor)
        return inner + (tensor.shape[tensor.axes.index("hidden")] if tensor.used > 1 and _returns(tensor) else 0)
    return tensor.shape[0]


def _returns(tensor: Tensor) -> bool:
    """Whether a projection gives the residual stream rather than takes it."""
    return (tensor.axes[-1] == "hidden") == tensor.transposed


class Mask(NamedTuple):
    """Bytes for each token that say which keys it sees."""

    buffer: int = 0
    """Up to the last layer."""
    first: int = 0
    """When the first attention asks for them: more where they are made in one type and held in another."""
    last: int = 0
    """At the logits, where what stood beside them is not taken again."""


NO_MASK = Mask()


def peak(
    width: Widths, tokens: int, rows: int, compute_bytes: int, keys: int = 0, mask: Mask = NO_MASK,
    copied: int = 0,
) -> int:
    """Bytes alive at the worst moment: in the widest layer, when masks are made, or at the logits of `rows` positions.
    Where attention is not fused, a layer holds the scores of each token with `keys` keys. `copied` sequences' recurrent
    states are not changed in place."""
    inside = max(width.widest, width.attention + width.heads * keys)
    layer = tokens * ((2 * width.hidden + inside) * compute_bytes + mask.buffer)
    recurrent = tokens * ((2 * width.hidden + width.recurrent) * compute_bytes + mask.buffer)
    recurrent += 2 * copied * width.state * compute_bytes
    first = tokens * ((2 * width.hidden + width.attention) * compute_bytes + mask.first)
    again = 0 if compute_bytes == 4 else 4
    head = tokens * (2 * width.hidden * compute_bytes + mask.last) + rows * width.logits * (compute_bytes + again)
    return max(layer, recurrent, first, head)


def tower_peak(towers: tuple[TowerWidths, ...], media: Media, sequences: int, compute_bytes: int, ways: int = 1) -> int:
    """Bytes alive at the worst moment while towers run, with fused attention: over all pictures and recordings of so
    many sequences at once, one tower after the other, before the text model. `ways` devices share them out."""
    return max((peak(tower.widths, _positions(media, tower.stream, sequences, ways), 0, compute_bytes)
                for tower in towers), default=0)


def _positions(media: Media, stream: str, sequences: int, ways: int) -> int:
    if stream.endswith("_tokens"):
        return sequences * sum(media.lengths(stream))
    if ways > 1:
        return media.largest_share(stream, sequences, ways)
    return sequences * sum(max(item.stem, sum(item.lengths)) for item in media.of(stream))
