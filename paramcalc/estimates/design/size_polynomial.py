"""What a shape counts, as a polynomial of its sizes, read off the trees of a few shapes.

Each tensor's shape is a product of sizes, so a block's parameters are a polynomial: of degree 2 in the hidden size, 1
in every other. A few shapes, counted as every model is, fix its coefficients; no formula is written here. One more
shape is counted to see that it holds.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.build import build
from paramcalc.errors import Problem, UsageError
from paramcalc.measures.parameters import count

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from paramcalc.estimates.design.handles import Handles, Size
    from paramcalc.tree import Node

OUTSIDE = ""
"""Stands for what is in no layer."""
Amounts = tuple[int, ...]
"""One number for each of `MEASURES`, then one for each further measure."""
MEASURES = ("total", "active", "embedding")
Terms = dict[tuple[int, ...], Fraction]
"""Exponents of the sizes to a coefficient."""


class SizePolynomial(NamedTuple):
    """For each block (and what is outside of them) a polynomial for each measure."""

    names: tuple[Size, ...]
    """The hidden size first."""
    pieces: dict[str, tuple[Terms, ...]]

    def at_width(self, hidden_size: int) -> dict[str, tuple[dict[tuple[int, ...], int], ...]]:
        """The polynomials of the other sizes for one hidden size: coefficients by the power of each size."""
        return {name: tuple(_collapsed(terms, hidden_size) for terms in measures)
                for name, measures in self.pieces.items()}

    def value(self, measure: int, sizes: Sequence[int], layers: dict[str, int]) -> int:
        """The measure (parameters or bytes) of a shape whose blocks occur so often."""
        total = Fraction(0)
        for name, measures in self.pieces.items():
            times = layers.get(name, 0) if name else 1
            for exponents, coefficient in measures[measure].items():
                amount = coefficient
                for size, exponent in zip(sizes, exponents, strict=True):
                    amount *= size**exponent
                total += times * amount
        return int(total)


def size_polynomial(handles: Handles, further: Sequence[Callable[[Node], int]] = ()) -> SizePolynomial:
    """The polynomial of the counts and of further measures of a tree that are sums over its blocks. Raises UsageError
    where one of them is no polynomial of the sizes that vary."""
    names: tuple[Size, ...] = tuple(handles.sizes)
    nodes = [_nodes(handles, name) for name in names]
    grid = {point: _pieces(handles, names, point, further) for point in product(*nodes)}
    blocks = next(iter(grid.values())).keys()
    pieces = {block: tuple(_terms({point: Fraction(values[block][measure]) for point, values in grid.items()}, nodes)
                           for measure in range(len(MEASURES) + len(further))) for block in blocks}
    polynomial = SizePolynomial(names, pieces)
    _check(handles, polynomial, nodes, further)
    return polynomial


def _nodes(handles: Handles, name: Size) -> tuple[int, ...]:
    """Sizes at which shapes are counted: whole at every place, heads a multiple of the key heads."""
    size = handles.sizes[name]
    if name == "hidden_size":
        step = _step(handles, name)
        return (step * 2, step * 3, step * 5)
    if name == "num_heads":
        least = 2 * handles.sizes.get("num_kv_heads", 1) if "num_kv_heads" in handles.sizes else size
        return (4 * least, 8 * least)
    if name == "num_kv_heads":
        step = _step(handles, name, 1)
        return (step, 2 * step)
    if name == "experts":
        return (size, 2 * size)
    step = _step(handles, name)
    return (step, 3 * step)


def _step(handles: Handles, name: Size, step: int = 64) -> int:
    """The least multiple of a step that is whole at every place."""
    for place in handles.places[name]:
        step *= Fraction(step * place.factor).denominator
    return step


def _pieces(handles: Handles, names: Sequence[Size], point: Sequence[int], further: Sequence[Callable[[Node], int]],
            ) -> dict[str, Amounts]:
    """What each block holds once, and what is outside of the layers."""
    spec = handles.spec(dict(zip(names, point, strict=True)), handles.layers)
    if spec is None:
        raise UsageError(Problem("cannot be scaled: its parts are not integer multiples of its sizes"))
    tree = build(spec).tree
    pieces = {OUTSIDE: _amounts(tree.replace(children=tuple(c for c in tree.children if not c.order)), further)}
    for stack in tree.children:
        for block in stack.children if stack.order else ():
            amounts = _amounts(block.replace(stored=1, used=stack.used), further)
            old = pieces.get(block.label)
            pieces[block.label] = amounts if old is None else tuple(a + b for a, b in zip(old, amounts, strict=True))
    return pieces


def _amounts(tree: Node, further: Sequence[Callable[[Node], int]]) -> Amounts:
    counts = count(tree)
    return (counts.total, counts.active, counts.embedding, *(measure(tree) for measure in further))


def _terms(values: dict[tuple[int, ...], Fraction], nodes: Sequence[Sequence[int]]) -> Terms:
    """Coefficients of the polynomial through values on a grid, one size after the other."""
    for axis, at in enumerate(nodes):
        lines: dict[tuple[int, ...], list[Fraction]] = {}
        for point, value in values.items():
            lines.setdefault((*point[:axis], 0, *point[axis + 1 :]), []).append(value)
        values = {(*line[:axis], exponent, *line[axis + 1 :]): coefficient for line, along in lines.items()
                  for exponent, coefficient in enumerate(_line(along, at))}
    return {exponents: value for exponents, value in values.items() if value}


def _line(values: Sequence[Fraction], at: Sequence[int]) -> list[Fraction]:
    """Coefficients, constant first, of the polynomial through points of one size (Newton's divided differences)."""
    differences = list(values)
    for order in range(1, len(at)):
        for index in range(len(at) - 1, order - 1, -1):
            differences[index] = (differences[index] - differences[index - 1]) / (at[index] - at[index - order])
    coefficients = [Fraction(0)] * len(at)
    for index in range(len(at) - 1, -1, -1):
        for exponent in range(len(at) - 1, 0, -1):
            coefficients[exponent] = coefficients[exponent - 1] - at[index] * coefficients[exponent]
        coefficients[0] = differences[index] - at[index] * coefficients[0]
    return coefficients


def _check(handles: Handles, polynomial: SizePolynomial, nodes: Sequence[Sequence[int]],
           further: Sequence[Callable[[Node], int]]) -> None:
    """Count one more shape."""
    point = [at[-1] * (2 if name != "num_heads" else 3) for name, at in zip(polynomial.names, nodes, strict=True)]
    for block, amounts in _pieces(handles, polynomial.names, point, further).items():
        for measure, amount in enumerate(amounts):
            if polynomial.value(measure, point, {block: 1} if block else {}) - (
                    polynomial.value(measure, point, {}) if block else 0) != amount:
                raise UsageError(Problem(
                    "cannot be scaled: its size is not a polynomial of hidden size, heads and widths",
                    hint="give another --like"))


def _collapsed(terms: Terms, hidden_size: int) -> dict[tuple[int, ...], int]:
    collapsed: dict[tuple[int, ...], Fraction] = {}
    for (power, *others), coefficient in terms.items():
        key = tuple(others)
        collapsed[key] = collapsed.get(key, Fraction(0)) + coefficient * hidden_size**power
    return {key: int(value) for key, value in collapsed.items()}
