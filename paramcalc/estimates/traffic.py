"""What a device sends while training, by kind of collective: volumes for one step, whatever the link."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from paramcalc.estimates.training_layout import Layout
    from paramcalc.tree import Node


class Facts(NamedTuple):
    """What communication depends on."""

    layers: int
    moe_layers: int
    top_k: int
    hidden_size: int
    kv_width: int
    """Values of keys and values of one token in one layer."""


class Volumes(NamedTuple):
    """Bytes one device sends in one step."""

    data: int
    """Gradients, and with ZeRO-3 weights."""
    tensor: int
    expert: int
    expert_nodes: int
    """Of `expert`, between nodes: a token goes to a node once, however many of its experts stand there."""
    sequence: int
    stage: int


def facts(tree: Node) -> Facts:
    """Layers, experts and widths of a tree, which the bytes that devices send depend on."""
    moe = kv = top_k = hidden = 0
    for _, node, _, used in tree.walk():
        if not node.stream:
            hidden = hidden or (node.context.hidden_size if node.context else 0)
        experts = [tensor for tensor in node.tensors if tensor.component == "moe_experts"]
        if experts:
            moe, top_k = moe + used, max(top_k, experts[0].used)
        kv = max(kv, sum(size for state in node.states() if state.per == "token" for size in [_size(state.shape)]))
    return Facts(tree.depth, moe, top_k, hidden, kv)


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for dimension in shape:
        size *= dimension
    return size


def volumes(layout: Layout, facts: Facts, gradients: int, tokens: int, micro_batches: int, *, node: int,
            weights: int = 0, again: bool = False, width: int = 2) -> Volumes:
    """Bytes a device sends for one step, of `tokens` on its pipeline: the collectives' volumes, no overlap.

    `node`: devices of a node. `gradients` and `weights`: bytes of all of them on a pipeline's stage, as they are sent.

    Data: an all-reduce of gradients, or with ZeRO-3 two gathers of weights and a scatter of gradients for each
    micro-batch. Tensors: four all-reduces a layer, six where backward computes forward `again`. Experts: four
    all-to-alls a layer, or six. Sequence: keys and values around the ring, forward and backward. Stages: the hidden
    state over each boundary, forward and backward.
    """
    here = tokens // layout.cp
    layers = facts.layers // layout.pp or 1
    ways = layout.dp * layout.cp
    data = micro_batches * (2 * weights + gradients) if layout.zero == 3 else 2 * gradients
    times = 6 if again else 4
    moe = facts.moe_layers // layout.pp if facts.moe_layers else 0
    copy = times * moe * here * facts.hidden_size * width // layout.tp
    nodes = layout.ep // node
    visited = nodes * (1 - (1 - 1 / nodes) ** facts.top_k) if nodes > 1 else 0.0
    return Volumes(
        data * (ways - 1) // ways,
        times * layers * 2 * here * facts.hidden_size * width * (layout.tp - 1) // layout.tp,
        copy * facts.top_k * (layout.ep - 1) // layout.ep,
        round(copy * visited * (nodes - 1) / nodes) if nodes > 1 else 0,
        3 * layers * here * facts.kv_width * width * (layout.cp - 1) // layout.tp,
        2 * here * facts.hidden_size * width // layout.tp if layout.pp > 1 else 0,
    )
