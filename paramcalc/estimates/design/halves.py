"""What shapes of one hidden size count, as sums of two halves: sizes that no product joins with the width, and those
that one does, the width among them.

Depth apart, every first half goes with every second: what both count is the sum of what each does. So the second
halves that make up an amount are looked for among their sorted amounts.
"""

from __future__ import annotations

from itertools import accumulate
from math import gcd, prod
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.estimates.design.size_polynomial import OUTSIDE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from paramcalc.estimates.design.handles import Size

LESS = (0, 2)
"""Measures whose difference measure -1 is: the total less embeddings."""
Amounts = tuple[int, ...]
"""One number for each measure that is asked of."""
Product = tuple["Size", ...]
Powers = tuple[int, ...]


class Polynomials:
    """Of the sizes but the hidden size, for each block and each of some measures; 1 at most in the width."""

    def __init__(self, pieces: Mapping[str, Sequence[Mapping[Powers, int]]], names: Sequence[Size],
                 measures: Sequence[int]) -> None:
        """Coefficients by the powers of the sizes after the hidden size, of each block and measure."""
        self._terms = {block: [_products(of_block, names[1:], measure) for measure in measures]
                       for block, of_block in pieces.items()}

    def joined(self, size: Size, choices: Sequence[Sequence[Size]]) -> set[Size]:
        """Sizes that products join with one, directly or through others, and those chosen together with any of them."""
        products = [{*product} for terms in self._terms.values() for each in terms for product in each]
        links = [*products, *({*names} for names in choices)]
        sizes: set[Size] = set()
        more = {size}
        while more - sizes:
            sizes |= more
            more = set().union(*(link for link in links if link & sizes))
        return sizes

    def half(self, sizes: Iterable[Size], *, constant: bool) -> Half:
        """The terms of products of these sizes, and those of no size where the constant is wanted."""
        within = {*sizes}
        return Half({block: [{product: times for product, times in terms.items()
                              if (within.issuperset(product) if product else constant)} for terms in measures]
                     for block, measures in self._terms.items()})

    def value(self, measure: int, sizes: Mapping[Size, int], blocks: Mapping[str, int]) -> int:
        """The measure at that place among those asked of, for a model whose blocks occur so often."""
        return sum((blocks.get(block, 0) if block else 1)
                   * sum(times * prod(map(sizes.__getitem__, product)) for product, times in measures[measure].items())
                   for block, measures in self._terms.items())

    def grain(self, measure: int, step: int) -> Grain:
        """Of the measure at that place, for whole models of any sizes and depth, of widths that are multiples of a
        step."""
        return Grain(self._terms[OUTSIDE][measure].get((), 0), gcd(*(
            times * (step if "width" in product else 1) for block, measures in self._terms.items()
            for product, times in measures[measure].items() if block or product)))


class Grain(NamedTuple):
    """What amounts have in common: all are a start and a multiple of a step more; 0 for one amount alone."""

    start: int
    step: int

    def reaches(self, amount: int, margin: int) -> bool:
        """Whether one of the amounts lies within the margin of one."""
        return not self.step or 2 * margin >= self.step or (amount - self.start + margin) % self.step <= 2 * margin


class Half:
    """Those terms of polynomials that some of the sizes are in."""

    def __init__(self, terms: Mapping[str, Sequence[Mapping[Product, int]]]) -> None:
        places: dict[Product, int] = {}
        self._lines = {block: [[(times, places.setdefault(product, len(places))) for product, times in each.items()]
                               for each in measures] for block, measures in terms.items() if any(measures)}
        self._products = list(places)

    @property
    def blocks(self) -> list[list[str]]:
        """Those that count anything, those that count the same together."""
        return [[block for block, lines in self._lines.items() if lines == each]
                for at, each in enumerate(self._lines.values()) if each not in [*self._lines.values()][:at]]

    def at(self, sizes: Mapping[Size, int]) -> dict[str, Amounts]:
        """What each block counts once."""
        values = [prod(map(sizes.__getitem__, product)) for product in self._products]
        return {block: tuple([sum([times * values[place] for times, place in line]) for line in lines])
                for block, lines in self._lines.items()}


class Sorted(NamedTuple):
    """Second halves in blocks that occur so often, by the first measure."""

    places: list[int]
    """Of each among all second halves."""
    amounts: list[list[int]]
    """Of each measure."""
    least: list[list[int]]
    """Of each measure, over those from each place on."""


class Seconds:
    """Second halves: every choice of sizes with every width."""

    def __init__(self, half: Half, choices: Sequence[Mapping[Size, int]], widths: range) -> None:
        self._blocks, self._number = half.blocks, len(choices) * len(widths)
        self._amounts: dict[str, list[list[int]]] = {}
        narrow = [half.at({**choice, "width": widths[0]}) for choice in choices]
        wider = [half.at({**choice, "width": widths[0] + widths.step}) for choice in choices]
        for block, *_ in self._blocks:
            pairs = [zip(one[block], other[block], strict=True) for one, other in zip(narrow, wider, strict=True)]
            self._amounts[block] = [[amount for first, second in ends for amount in _along(first, second, len(widths))]
                                    for ends in zip(*pairs, strict=True)]
        self._sorted: dict[tuple[int, ...], Sorted] = {}

    def among(self, places: Sequence[int], measures: int, blocks: Mapping[str, int]) -> tuple[int, Sorted]:
        """Those at some places in a model whose blocks occur so often: how often all of it is there, and it once."""
        often = [sum([blocks.get(block, 0) if block else 1 for block in alike]) for alike in self._blocks]
        times = gcd(*often) or 1
        key = tuple(number // times for number in often)
        if key not in self._sorted:
            self._sorted[key] = self._once(places, measures, key)
        return times, self._sorted[key]

    def _once(self, places: Sequence[int], measures: int, often: Sequence[int]) -> Sorted:
        lists = [self._sum(measure, often) for measure in range(measures)]
        order = sorted(places, key=lists[0].__getitem__)
        amounts = [[each[place] for place in order] for each in lists]
        return Sorted(order, amounts, [[*accumulate(reversed(each), min)][::-1] for each in amounts])

    def _sum(self, measure: int, often: Sequence[int]) -> list[int]:
        total = [0] * self._number
        for (block, *_), number in zip(self._blocks, often, strict=True):
            if number:
                total = [a + number * b for a, b in zip(total, self._amounts[block][measure], strict=True)]
        return total


def _along(first: int, second: int, number: int) -> Sequence[int]:
    """So many amounts, each as much more than the one before as the second is than the first."""
    more = second - first
    return range(first, first + more * number, more) if more else [first] * number


def _products(measures: Sequence[Mapping[Powers, int]], names: Sequence[Size], measure: int) -> dict[Product, int]:
    """Coefficients of a measure by the product of sizes they multiply."""
    terms: dict[Product, int] = {}
    for sign, each in zip((1, -1), (measure,) if measure >= 0 else LESS, strict=False):
        for powers, times in measures[each].items():
            product = tuple(name for name, power in zip(names, powers, strict=True) for _ in range(power))
            terms[product] = terms.get(product, 0) + sign * times
    return {product: times for product, times in terms.items() if times}
