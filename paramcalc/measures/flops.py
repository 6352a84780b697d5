"""FLOPs: two for each multiply-add, folded over weights and over work that has none. Exact integers.

Forward: a matmul weight multiplies each token that visits it; a convolution each position its kernel computes;
attention each pair of query and key. Backward is twice the forward for what is trained (a gradient for the input and
one for the weight), once for what is frozen.

Llama 3.1 8B holds 8,030,261,248 parameters, of which the token table (128,256 · 4,096) is looked up and 65 norms of
4,096 are no matrices; the other 7,504,658,432 multiply each token. In each of its 32 layers, each pair of query and
key multiplies 32 heads of 128 twice, for a score and for a sum. One sequence of 2,048 tokens, all 2,048² pairs:

>>> import paramcalc
>>> tree = paramcalc.build_model("llama-3.1-8b").tree
>>> flops(tree, Workload(seq=2048)).forward
32938104193024
>>> 2 * 2048 * (8_030_261_248 - 128_256 * 4096 - 65 * 4096) + 2 * 32 * 2 * 4096 * 2048**2
32938104193024

Of these pairs a query sees those up to itself, which `causal` counts: 2,048 · 2,049 / 2.

>>> flops(tree, Workload(seq=2048, convention="causal")).pairs == 2 * 32 * 2 * 4096 * (2048 * 2049 // 2)
True
"""

from __future__ import annotations

from math import prod
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.defaults import WORKLOAD, Convention, Recompute
from paramcalc.measures.attention_pairs import Reach, pairs
from paramcalc.spec.media import NO_MEDIA, Media
from paramcalc.tree import CROSSING, Tensor, Work, join

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from paramcalc.tree import Node


RUNNING = ("", "token", "source", CROSSING)
"""Streams that every workload has."""


class Workload(NamedTuple):
    """What runs through the model at once."""

    batch: int = WORKLOAD.batch
    seq: int = 1
    """New tokens of each sequence."""
    past: int = WORKLOAD.past
    """Tokens of each sequence already in the cache."""
    source: int = 0
    """Tokens of the encoder's input, where there is an encoder."""
    convention: Convention = WORKLOAD.convention
    head: str = WORKLOAD.head
    """`last`: logits only for the last position of each sequence."""
    media: Media = NO_MEDIA
    """The pictures and recordings of each sequence; their tokens are among `seq`."""
    absorbed: bool = False
    """Attend to latents as the cache keeps them whatever the convention, as runtimes decode; without it `full` expands
    the whole cache again for each step, as the eager class does."""


class Flops(NamedTuple):
    """FLOPs of a workload by component; what no matmul kernel computes (scans) apart."""

    components: dict[str, int]
    backward_components: dict[str, int]
    pairs: int = 0
    """Those of the forward pass that multiply tokens with tokens: what selective recomputation does again."""
    formats: Mapping[str, int] = MappingProxyType({})
    """Those of the forward pass by the format of the weight they multiply; empty for weights in the model's dtype and
    for products of tokens with tokens."""
    expert_formats: Mapping[str, int] = MappingProxyType({})
    """Of `formats`, those of routed experts."""

    @property
    def forward(self) -> int:
        """FLOPs of the forward pass, all components together."""
        return sum(self.components.values())

    @property
    def backward(self) -> int:
        """FLOPs of the backward pass, all components together."""
        return sum(self.backward_components.values())

    def again(self, recompute: Recompute) -> int:
        """FLOPs that backward computes again. `full` is the forward pass of all layers, without the head
        (arXiv:2104.04473, appendix: four forward passes' worth of each layer, three of the head)."""
        return {"none": 0, "selective": self.pairs, "full": self.forward - self.components.get("lm_head", 0)}[recompute]


def flops(tree: Node, load: Workload, *, fused: bool = False) -> Flops:
    """Forward and backward FLOPs of a workload. With `fused`, elementwise scans count too (a matmul counter, and the
    usual convention, leaves them out)."""
    forward: dict[str, int] = {}
    backward: dict[str, int] = {}
    formats: dict[str, int] = {}
    expert_formats: dict[str, int] = {}
    between = 0

    def add(component: str, amount: int, times: int, kind: str = "") -> None:
        formats[kind] = formats.get(kind, 0) + amount
        if component == "moe_experts":
            expert_formats[kind] = expert_formats.get(kind, 0) + amount
        forward[component] = forward.get(component, 0) + amount
        backward[component] = backward.get(component, 0) + times * amount

    for term in terms(tree, load, fused=fused):
        leaf, times = term.leaf, 0 if term.leaf.detached else 2
        if isinstance(leaf, Tensor):
            add(leaf.component, term.flops, min(times, 1) if leaf.frozen else times,
                leaf.format.name if leaf.format else leaf.dtype or "")
        else:
            add(leaf.component, term.flops, times)
            between += term.flops if leaf.per in ("pair", "source_pair") else 0
    return Flops(forward, backward, between, formats, expert_formats)


class Term(NamedTuple):
    """What one leaf multiplies in a forward pass."""

    path: str
    node: Node
    leaf: Tensor | Work
    copies: int
    """Of the node, that are visited."""
    times: int
    """Rows a weight multiplies; how often work is done."""

    @property
    def flops(self) -> int:
        """FLOPs: two for each multiply-add."""
        return 2 * self.copies * self.leaf.used * prod(self.leaf.shape) * self.times


def terms(tree: Node, load: Workload, *, fused: bool = False) -> Iterator[Term]:
    """Every weight that is multiplied and every work that is done, in the order of the model."""
    for path, node, used in streams(tree, above=Visited(1, load.media.main)):
        if used.stream == CROSSING and not load.source:
            continue  # as Mllama's class does for text alone
        lengths = load.media.lengths(used.stream, used.every)
        if used.stream not in RUNNING and not lengths:
            continue  # no picture, no recording
        positions = (_source(load) if used.stream == "source" else load.seq) // used.every
        for tensor in node.tensors:
            leaf, visits = _tower_visits(tensor, load, used) if lengths else (tensor, _visits(tensor, load, positions))
            if visits:
                yield Term(path, node, leaf, used.copies, visits)
        for work in node.work(path):
            if _happens(work, load) and (fused or not work.fused):
                times = _tower_times(work, load, used) if lengths else _times(work, load, used.stream, positions)
                yield Term(path, node, work, used.copies, times)


def masks(tree: Node, load: Workload) -> bool:
    """Whether products are counted that the model never needs: under `full`, scores of keys outside a window, which
    the eager class multiplies and then masks."""
    length = load.past + load.seq
    return load.convention == "full" and any(
        isinstance(term.leaf, Work) and term.leaf.per == "pair" and term.leaf.causal
        and min(term.leaf.window or length, term.leaf.chunk or length) < length
        for term in terms(tree, load._replace(media=NO_MEDIA)))


class Visited(NamedTuple):
    """How often one token visits a node, and over which tokens it runs."""

    copies: int
    stream: str
    every: int = 1
    """Over one of so many of them."""


def streams(tree: Node, path: str = "", above: Visited | None = None) -> list[tuple[str, Node, Visited]]:
    """Every node with its path, its visits, and what it runs over."""
    above = above or Visited(1, "")
    here = join(path, tree.name)
    visited = Visited(above.copies * tree.used, tree.over(above.stream), above.every * tree.every)
    nodes = [(here, tree, visited)]
    for child in tree.children:
        nodes += streams(child, here, visited)
    return nodes


def _visits(tensor: Tensor, load: Workload, positions: int) -> int:
    """How many rows a weight multiplies."""
    if tensor.role == "matmul":
        if tensor.per == "sequence" or (tensor.component == "lm_head" and load.head == "last"):
            return load.batch
        if tensor.per == "key" and load.convention == "full" and not load.absorbed:
            positions += load.past
        return load.batch * (_source(load) if tensor.per == "source" else positions)
    if tensor.role == "conv" and tensor.per == "source":  # padded to what it leaves, nothing dropped
        return load.batch * _source(load)
    if tensor.role == "conv":
        return load.batch * (positions + _edge(tensor.shape[-1], load) if positions else 0)
    return 0


def _tower_visits(tensor: Tensor, load: Workload, over: Visited) -> tuple[Tensor, int]:
    """How many rows a weight of a tower multiplies, each as often as the tensor says."""
    stages = [item.stages[tensor.stage - 1] for item in load.media.of(over.stream) if item.stages and tensor.stage]
    if stages:
        places = tensor.used // stages[0][0]
        return tensor._replace(used=places), load.batch * sum(computed for _, computed in stages)
    return tensor, _rows(tensor, load, over)


def _rows(tensor: Tensor, load: Workload, over: Visited) -> int:
    lengths, cuts = load.media.lengths(over.stream, over.every), load.media.of(over.stream)
    if tensor.role != "matmul":
        return 0
    if tensor.per == "sequence":
        return load.batch * len(lengths)
    if over.every > 1:
        return load.batch * sum(lengths)
    if tensor.per == "patch":
        return load.batch * sum(item.stem or item.patches for item in cuts)
    return load.batch * (sum(item.read_positions for item in cuts) if tensor.per == "source" else sum(lengths))


def _tower_times(work: Work, load: Workload, over: Visited) -> int:
    """How often work of a tower is done: pairs are of one sequence, or of one window."""
    lengths, cuts = load.media.lengths(over.stream, over.every), load.media.of(over.stream)
    if work.per == "pair":
        reach = Reach(work.window, work.chunk, work.causal, work.top_k, work.stride)
        if work.chunk is not None and any(item.windows for item in cuts):
            return load.batch * sum(count * size**2 for item in cuts for size, count in item.windows)
        return load.batch * sum(pairs(length, 0, reach, load.convention) for length in lengths)
    if work.per == "source_pair":
        joins = over.stream.endswith("_tokens")
        sources = [each for item in cuts for each in (item.parts if joins else item.lengths)]
        return load.batch * sum(map(prod, zip(lengths, sources, strict=True)))
    if work.per == "source":
        return load.batch * sum(item.read_positions for item in cuts)
    return load.batch * (len(lengths) if work.per == "sequence" else sum(lengths))


def _edge(kernel: int, load: Workload) -> int:
    """Positions a convolution kernel computes and drops: a prompt is padded on both sides by `kernel - 1`, and the
    cache keeps `kernel` columns where the next token needs one less."""
    if load.convention == "causal" or kernel == 1:
        return 0
    return 1 if load.past else kernel - 1


def _happens(work: Work, load: Workload) -> bool:
    """Whether this work is done at all: a latent is attended to as it is kept once tokens are cached, if only what
    must be done is counted."""
    absorbed = bool(load.past) and (load.absorbed or load.convention == "causal")
    return work.when in ("", "cached" if load.past else "prompt", "absorbed" if absorbed else "expanded")


def _source(load: Workload) -> int:
    """New encoder positions: none once tokens are cached, since the cross-attention's keys are too."""
    return 0 if load.past else load.source


def _times(work: Work, load: Workload, stream: str, positions: int) -> int:
    if work.per == "source_pair":
        return load.batch * positions * load.source
    if work.per == "pair":
        past = 0 if stream == "source" else load.past
        reach = Reach(work.window, work.chunk, work.causal, work.top_k, work.stride)
        return load.batch * pairs(positions, past, reach, load.convention)
    if work.per == "sequence":
        return load.batch
    if work.per.startswith("block"):
        return load.batch * blocks(positions, work, load.convention)
    return load.batch * (load.source if work.per == "source" else positions)


def blocks(positions: int, work: Work, convention: Convention) -> int:
    """How often work by blocks is done for one sequence.

    Under `full`, whole blocks are multiplied, the last filled up where the reference implementation does; under
    `causal`, only the pairs a token may see and the tokens there are.
    """
    full, rest = divmod(positions, work.block)
    count = full + bool(rest)
    if work.per == "block_token":
        return count * work.block if convention == "full" and work.padded else positions
    if work.per == "block_square":
        return (count + 1) ** 2 if convention == "full" else (count + 1) * (count + 2) // 2
    if convention == "causal":
        return (full * work.block * (work.block + 1) + rest * (rest + 1)) // 2
    return count * work.block**2 if work.padded else full * work.block**2 + rest**2
