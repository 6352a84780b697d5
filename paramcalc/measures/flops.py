"""FLOPs: two for each multiply-add, folded over weights and over work that has none. Exact integers.

Forward: a matmul weight multiplies each token that visits it; a convolution each position its kernel computes;
attention each pair of query and key. Backward is twice the forward for what is trained (a gradient for the input and
one for the weight), once for what is frozen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from paramcalc.measures.pairs import Convention, Reach, pairs

if TYPE_CHECKING:
    from paramcalc.tree import Node, Tensor, Work


class Workload(NamedTuple):
    """What runs through the model at once."""

    batch: int = 1
    seq: int = 1
    """New tokens of each sequence."""
    past: int = 0
    """Tokens of each sequence already in the cache."""
    source: int = 0
    """Tokens of the encoder's input, where there is an encoder."""
    convention: Convention = "full"
    head: str = "all"
    """`last`: logits only for the last position of each sequence."""


class Flops(NamedTuple):
    """FLOPs of a workload by component; what no matmul kernel computes (scans) apart."""

    components: dict[str, int]
    backward_components: dict[str, int]

    @property
    def forward(self) -> int:
        """All components."""
        return sum(self.components.values())

    @property
    def backward(self) -> int:
        """All components."""
        return sum(self.backward_components.values())


def flops(tree: Node, load: Workload, *, fused: bool = False) -> Flops:
    """Forward and backward FLOPs of a workload. With `fused`, elementwise scans count too (a matmul counter, and the
    usual convention, leaves them out)."""
    forward: dict[str, int] = {}
    backward: dict[str, int] = {}
    for path, node, used in streams(tree):
        positions = load.source if used.stream == "source" else load.seq
        for tensor in node.tensors:
            amount = 2 * used.copies * tensor.used * tensor.numel * _visits(tensor, load, positions)
            if amount:
                forward[tensor.component] = forward.get(tensor.component, 0) + amount
                times = 1 if tensor.frozen else 2
                backward[tensor.component] = backward.get(tensor.component, 0) + times * amount
        for work in node.work(path):
            if work.fused and not fused:
                continue
            amount = 2 * used.copies * work.used * _size(work) * _times(work, load, used.stream, positions)
            forward[work.component] = forward.get(work.component, 0) + amount
            backward[work.component] = backward.get(work.component, 0) + 2 * amount
    return Flops(forward, backward)


class Visited(NamedTuple):
    """How often one token visits a node, and over which tokens it runs."""

    copies: int
    stream: str


def streams(tree: Node, path: str = "", copies: int = 1, stream: str = "") -> list[tuple[str, Node, Visited]]:
    """Every node with its path, its visits, and whether it runs over the encoder's input."""
    from paramcalc.tree import join

    here, copies, stream = join(path, tree.name), copies * tree.used, tree.stream or stream
    found = [(here, tree, Visited(copies, stream))]
    for child in tree.children:
        found += streams(child, here, copies, stream)
    return found


def _visits(tensor: Tensor, load: Workload, positions: int) -> int:
    """How many rows a weight multiplies."""
    if tensor.role == "matmul":
        if tensor.per == "sequence" or (tensor.component == "lm_head" and load.head == "last"):
            return load.batch
        return load.batch * (_source(load) if tensor.per == "source" else positions)
    if tensor.role == "conv":
        kernel = tensor.shape[-1]
        if load.past:
            return 0 if load.convention == "full" else load.batch * positions
        return load.batch * (positions + kernel - 1 if load.convention == "full" and kernel > 1 else positions)
    return 0


def _source(load: Workload) -> int:
    """New encoder positions: none once the cross-attention's keys are cached."""
    return 0 if load.past else load.source


def _size(work: Work) -> int:
    size = 1
    for dimension in work.shape:
        size *= dimension
    return size


def _times(work: Work, load: Workload, stream: str, positions: int) -> int:
    if work.per == "source_pair":
        return load.batch * positions * load.source
    if work.per == "pair":
        past = 0 if stream == "source" else load.past
        reach = Reach(work.window, work.chunk, work.causal, work.top_k, work.stride)
        return load.batch * pairs(positions, past, reach, load.convention)
    if work.per == "sequence":
        return load.batch
    return load.batch * (load.source if work.per == "source" else positions)
