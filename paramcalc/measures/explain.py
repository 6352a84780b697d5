"""Each number as the formula it was made from, read off the tree that is counted and the functions that count it.

The tree is one built with `explain=True`, whose dimensions remember: what counts parameters, bytes and FLOPs multiplies
them, and the products say how they came about. 8 heads of 128 over 2,048 are `num_heads·head_dim × hidden_size` =
`8·128 × 2,048`.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.catalog.formats import find_format
from paramcalc.defaults import SERVING
from paramcalc.dims import Dim, formula, grouped, values
from paramcalc.measures.cache import entries_of, needed
from paramcalc.measures.flops import terms
from paramcalc.measures.weights import parts_of, storage_format
from paramcalc.tree import join

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from paramcalc.catalog.formats import Format
    from paramcalc.measures.cache import Serving, Types
    from paramcalc.measures.flops import Workload
    from paramcalc.tree import Node, Tensor



class Formula(NamedTuple):
    """One tensor, state or product, or a part that holds none."""

    path: str
    """Of the module."""
    name: str
    """Of what stands below it; empty for a part without any."""
    formula: str
    """In the words of the spec: `num_heads·head_dim × hidden_size`."""
    values: str
    """The same with the numbers put in, and the copies: `32·128 × 4,096 × 32 layers`."""
    copies: int
    amount: int
    """Parameters, bytes or FLOPs."""
    component: str
    source: str
    """The paper or reference implementation of the component."""
    layers: str = ""
    """Which layers of a stack: `3 to 60`; empty outside of stacks."""
    buffer: bool = False

    @property
    def parameters(self) -> int:
        """The amount, where parameters are explained."""
        return self.amount


class Place(NamedTuple):
    """A node with what multiplies everything it holds."""

    path: str
    node: Node
    stored: tuple[tuple[int, str], ...]
    """Copies in memory, with the word for them."""
    used: tuple[tuple[int, str], ...]
    """Copies a token visits."""
    layers: str

    @property
    def source(self) -> str:
        """The paper or reference implementation its formulas are from."""
        return self.node.part.source if self.node.part is not None else ""


class Factors(NamedTuple):
    """What is multiplied, in words and in numbers, and how often."""

    formula: str
    values: str
    each: int
    """Of one copy."""


def explain(tree: Node, glob: str = "*") -> list[Formula]:
    """Parameters: formulas of the tensors and parts whose full name fits the glob, in the order of the model."""
    return _fitting(_parameters(tree), glob)


def explain_weights(tree: Node, dtype: str = SERVING.dtype, glob: str = "*") -> list[Formula]:
    """Bytes of the weights, each in its own format, else in `dtype`."""
    plain = find_format(dtype)
    return explain_tensors(tree, lambda tensor: _weight(tensor, plain), glob)


def explain_tensors(tree: Node, size: Callable[[Tensor], Factors | None], glob: str = "*") -> list[Formula]:
    """Bytes of something that is kept for each tensor in memory; `size` of one copy, None where there is none."""
    return _fitting((line for place in places(tree) for tensor in place.node.tensors
                     if tensor.stored and (factors := size(tensor)) is not None
                     for line in [_line(place, tensor.name, factors, _stored(place, tensor), tensor.component)]), glob)


def explain_cache(tree: Node, serving: Serving, types: Types, glob: str = "*") -> list[Formula]:
    """Bytes kept between tokens: the entries that are needed of each state, by the bytes of one."""
    batch = [(serving.batch, "sequences")] if serving.batch > 1 else []
    context, source = Dim(serving.context, "tokens"), Dim(serving.encoder, "source_tokens")

    def lines() -> Iterator[Formula]:
        for place in places(tree):
            for state in place.node.states(place.path):
                shape, entries, row = needed(state), entries_of(state, context, source), types.row(state, needed(state))
                cached_in = types.of(state)
                plain = cached_in.block == 1 and not cached_in.head_bytes and cached_in.bits % 8 == 0
                sides = [*_sides(shape), *([entries] if state.per != "sequence" or entries != 1 else [])]
                numbers = " × ".join(grouped(values(side)) for side in sides)
                text = numbers + (f" × {cached_in.bits // 8} bytes" if plain else
                                  f" in {cached_in.name}: {row:,} bytes an entry")
                words = " × ".join(grouped(formula(side)) for side in sides) + f" × bytes of {cached_in.name}"
                used = [*place.used, *([(int(state.used), "copies")] if state.used != 1 else []), *batch]
                yield _line(place, state.name, Factors(words, text, int(entries) * row), used, state.component)

    return _fitting(lines(), glob)


def explain_flops(tree: Node, load: Workload, glob: str = "*") -> list[Formula]:
    """FLOPs of a forward pass: two for each multiply-add of a weight or of tokens with tokens."""
    named_load = load._replace(
        batch=Dim(load.batch, "sequences") if load.batch > 1 else load.batch, seq=Dim(load.seq, "tokens"),
        past=Dim(load.past, "cached_tokens") if load.past else 0, source=Dim(load.source, "source_tokens"))
    at = {id(place.node): place for place in places(tree)}

    def lines() -> Iterator[Formula]:
        for term in terms(tree, named_load):
            place, leaf = at[id(term.node)], term.leaf
            sides = [*_sides(leaf.shape), term.times]
            factors = Factors(" × ".join(["2", *(grouped(formula(side)) for side in sides)]),
                              " × ".join(["2", *(grouped(values(side)) for side in sides)]),
                              2 * prod(map(int, leaf.shape)) * int(term.times))
            used = [*place.used, *([(int(leaf.used), _word(leaf.used))] if leaf.used != 1 else [])]
            yield _line(place, leaf.name, factors, used, leaf.component)

    return _fitting(lines(), glob)


def _fitting(lines: Iterable[Formula], glob: str) -> list[Formula]:
    return [line for line in lines if fnmatchcase(join(line.path, line.name), glob)]


def _line(place: Place, name: str, factors: Factors, copies: Sequence[tuple[int, str]], component: str) -> Formula:
    times = prod(number for number, _ in copies)
    text = " × ".join([factors.values, *(f"{number:,} {word}" for number, word in copies)])
    return Formula(place.path, name, factors.formula, text, times, times * factors.each, component, place.source,
                   place.layers)


def places(tree: Node) -> Iterator[Place]:
    """Every node with its copies and its layers, in the order of the model."""
    yield from _places(Place(tree.name, tree, (), (), ""))


def _places(place: Place) -> Iterator[Place]:
    yield place
    for index, child in enumerate(place.node.children):
        layers = place.layers
        if place.node.order:
            layers = layer_ranges([layer for layer, kind in enumerate(place.node.order) if kind == index])
        word = "layers" if place.node.order else "copies"
        stored = (*place.stored, (int(child.stored), word)) if child.stored != 1 else place.stored
        used = (*place.used, (int(child.used), word)) if child.used != 1 else place.used
        yield from _places(Place(join(place.path, child.name), child, stored, used, layers))


def layer_ranges(layers: Sequence[int]) -> str:
    """Numbers of layers as people say them: `0`, `3 to 60`, `5 to 29, every 6th`, `0 to 4, 6 to 10, …`."""
    runs: list[list[int]] = []
    for layer in layers:
        if runs and layer == runs[-1][-1] + 1:
            runs[-1].append(layer)
        else:
            runs.append([layer])
    step = layers[1] - layers[0] if len(layers) > 1 else 0
    if len(layers) > 2 and step > 1 and all(b - a == step for a, b in pairwise(layers)):
        return f"{layers[0]} to {layers[-1]}, every {_ordinal(step)}"
    ranges = [f"{run[0]} to {run[-1]}" if len(run) > 1 else str(run[0]) for run in runs]
    return ", ".join(ranges if len(ranges) <= 8 else [*ranges[:4], "…", ranges[-1]])


def _ordinal(number: int) -> str:
    last = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{last}"


def _parameters(tree: Node) -> Iterator[Formula]:
    for place in places(tree):
        node = place.node
        if node.part is None:
            continue
        for tensor in node.tensors:
            sides = _sides(tensor.shape)
            factors = Factors(" × ".join(grouped(formula(side)) for side in sides),
                              " × ".join(grouped(values(side)) for side in sides), int(tensor.numel))
            line = _line(place, tensor.name, factors, _stored(place, tensor), tensor.component)
            if not tensor.stored:
                line = line._replace(values=f"{factors.values}: tied, counted where it is stored", copies=0, amount=0)
            yield line._replace(buffer=True, amount=0) if tensor.buffer else line
        if not node.tensors and not node.children:
            yield Formula(place.path, "", f"{node.part.kind}: no parameters", "", 1, 0, "other", place.source,
                          place.layers)


def _sides(shape: Sequence[int]) -> list[int]:
    """The dimensions that say something."""
    return [side for side in shape if isinstance(side, Dim) or side != 1] or [1]


def _stored(place: Place, tensor: Tensor) -> list[tuple[int, str]]:
    own = [(int(tensor.stored), _word(tensor.stored))] if tensor.stored > 1 else []
    return [*place.stored, *own]


def _word(copies: int) -> str:
    """What copies of one tensor are: `experts`, where the component says so."""
    return copies.formula if isinstance(copies, Dim) else "copies"


def _weight(tensor: Tensor, plain: Format) -> Factors:
    kind, parts = storage_format(tensor, plain), {name: int(size) for name, size in parts_of(tensor, plain).items()}
    sides = _sides(tensor.shape)
    words, numbers = (" × ".join(grouped(text(side)) for side in sides) for text in (formula, values))
    if kind.family == "plain":
        return Factors(f"{words} × bytes of {kind.name}", f"{numbers} × {kind.bits // 8} bytes", sum(parts.values()))
    stored = " + ".join(f"{size:,} ({name})" for name, size in parts.items())
    return Factors(f"{words} in {kind.name}", f"{numbers} in {kind.name}: {stored} bytes", sum(parts.values()))
