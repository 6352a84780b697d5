"""Bytes of weights that one step of decoding reads: each tensor that a token visits, experts as many as are touched.

A table is left out, since only rows of it are looked up; a tied head is counted, though memory holds it once. What is
used in several places is read in each of them. Of E experts of which each token visits k, chosen evenly and
independently, T tokens touch `E·(1 − (1 − k/E)^T)` on average. Devices that share the experts wait for the one whose
experts most are touched of. A fold over the leaves, as memory and FLOPs are.
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.catalog.formats import find_format
from paramcalc.measures.weights import tensor_bytes
from paramcalc.spec.media import STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paramcalc.tree import Node, Tensor

BESIDE = ("source", *STREAMS)
"""Streams of what a decoded token does not pass."""


class Experts(NamedTuple):
    """Routed experts that are chosen from equally many."""

    stored: int
    used: int
    """Of them, by each token."""
    bytes: int
    """Of one expert, of all layers that have such."""

    def touched(self, tokens: float) -> float:
        """Experts of a layer that at least one of so many tokens visits."""
        missed: float = (1 - self.used / self.stored) ** tokens
        return self.stored * (1 - missed)

    def touched_on_busiest(self, tokens: float, devices: int) -> float:
        """Experts of a layer that are touched on the device that has most to do, of so many that share them evenly.

        The number on one device varies as draws without replacement do; of the largest of n such numbers the quantile
        (n − 3/8) / (n + 1/4) of a normal distribution is expected (G. Blom, Statistical Estimates and Transformed
        Beta-Variables, 1958).
        """
        mine = self.stored / devices
        mean = self.touched(tokens) / devices
        if devices == 1 or self.used == self.stored:
            return mean
        from statistics import NormalDist

        missed = 1 - mean / mine
        pair: float = ((1 - self.used / self.stored) * (1 - self.used / (self.stored - 1))) ** tokens
        variance = mine * missed * (1 - missed) + mine * (mine - 1) * (pair - missed**2)
        most = NormalDist().inv_cdf((devices - 3 / 8) / (devices + 1 / 4))
        return min(mine, mean + most * sqrt(max(0.0, variance)))


class Reads(NamedTuple):
    """What a step reads of the weights."""

    dense: int
    """Bytes that every step reads, whatever the batch."""
    experts: tuple[Experts, ...]
    stored_bytes: int
    """Bytes that memory holds beside the experts."""

    @property
    def expert_bytes(self) -> int:
        """Bytes of all experts of all layers, chosen or not."""
        return sum(kind.stored * kind.bytes for kind in self.experts)


def reads(tree: Node, dtype: str) -> Reads:
    """What decoding reads of a tree's weights; what runs over an encoder's input, a picture or a recording alone is not
    read."""
    plain = find_format(dtype)
    dense = stored_bytes = 0
    experts: dict[tuple[int, int], int] = {}
    for tensor, stored, used in _placed(tree):
        size = tensor_bytes(tensor, plain) if stored or used else 0
        if tensor.component == "moe_experts":
            kind = (tensor.stored, min(tensor.used, tensor.stored))
            experts[kind] = experts.get(kind, 0) + stored * size
        else:
            stored_bytes += stored * tensor.stored * size
            if tensor.role != "lookup" and tensor.per in ("token", "key"):
                dense += used * tensor.used * size
    return Reads(dense, tuple(Experts(*kind, size) for kind, size in experts.items()), stored_bytes)


def passed(node: Node, used: int = 1) -> Iterator[tuple[Node, int]]:
    """Nodes that a decoded token passes, with how often; what runs over an encoder's input, a picture or a recording
    alone is not among them."""
    if node.stream not in BESIDE:
        used *= node.used
        yield node, used
        for child in node.children:
            yield from passed(child, used)


def _placed(node: Node, stored: int = 1, used: int = 1) -> Iterator[tuple[Tensor, int, int]]:
    """Every tensor with the copies of its node: held, and visited by a decoded token."""
    stored *= node.stored
    used = 0 if node.stream in BESIDE else used * node.used
    for tensor in node.tensors:
        yield tensor, stored, used
    for child in node.children:
        yield from _placed(child, stored, used)
