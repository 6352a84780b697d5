"""What shapes of one hidden size count, as sums of two halves: sizes that no product joins with the width, and those
that one does, the width among them.

Depth apart, every first half goes with every second: what both count is the sum of what each does. So the second
halves that make up an amount are looked for among their sorted amounts.
"""

from __future__ import annotations

from functools import partial
from itertools import accumulate, repeat
from math import gcd, prod
from operator import add
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.estimates.design.size_polynomial import OUTSIDE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

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


class Sorted:
    """Second halves at some places in blocks that occur so often, by the first measure; the others are summed where
    they are looked at."""

    def __init__(self, places: Sequence[int], sums: Callable[[int], list[int]]) -> None:
        """`sums` gives a measure of each place."""
        first = sums(0)
        self._order = sorted(range(len(places)), key=first.__getitem__)
        self._sums = sums
        self.places = [*map(places.__getitem__, self._order)]
        """Of each among all second halves."""
        self._amounts = {0: [*map(first.__getitem__, self._order)]}
        self._least: dict[int, list[int]] = {}

    def amounts(self, measure: int) -> list[int]:
        """Amounts of a measure: parameters, bytes or FLOPs, as the measures say."""
        if measure not in self._amounts:
            sums = self._sums(measure)
            self._amounts[measure] = [sums[at] for at in self._order]
        return self._amounts[measure]

    def least(self, measure: int) -> list[int]:
        """Least amounts of a measure, over those from each place on, in its unit."""
        if measure not in self._least:
            self._least[measure] = [*accumulate(reversed(self.amounts(measure)), min)][::-1]
        return self._least[measure]


class Seconds:
    """Second halves: every choice of sizes with every width."""

    def __init__(self, half: Half, choices: Sequence[Mapping[Size, int]], widths: range) -> None:
        self._blocks = half.blocks
        self._amounts: dict[str, list[list[int]]] = {}
        narrow = [half.at({**choice, "width": widths[0]}) for choice in choices]
        wider = [half.at({**choice, "width": widths[0] + widths.step}) for choice in choices]
        for block, *_ in self._blocks:
            pairs = [zip(one[block], other[block], strict=True) for one, other in zip(narrow, wider, strict=True)]
            self._amounts[block] = [[amount for first, second in ends for amount in _along(first, second, len(widths))]
                                    for ends in zip(*pairs, strict=True)]
        self._sorted: dict[tuple[int, ...], Sorted] = {}
        self._places: Sequence[int] = ()
        self._columns: dict[tuple[str, int], list[int]] = {}

    def among(self, places: Sequence[int], blocks: Mapping[str, int]) -> tuple[int, Sorted]:
        """Those at some places in a model whose blocks occur so often: how often all of it is there, and it once."""
        often = [sum([blocks.get(block, 0) if block else 1 for block in alike]) for alike in self._blocks]
        times = gcd(*often) or 1
        key = tuple(number // times for number in often)
        if key not in self._sorted:
            self._sorted[key] = Sorted(places, partial(self._sums, places, key))
        return times, self._sorted[key]

    def _sums(self, places: Sequence[int], often: Sequence[int], measure: int) -> list[int]:
        """Mapped by functions of the library, since a block that goes on with depth is summed anew at each."""
        sums: Iterable[int] = repeat(0, len(places))
        for (block, *_), number in zip(self._blocks, often, strict=True):
            if number:
                sums = map(add, sums, map(number.__mul__, self._picked(places, block, measure)))
        return [*sums]

    def _picked(self, places: Sequence[int], block: str, measure: int) -> list[int]:
        """What a block counts once, at some places: those of a hidden size, which are the same at every depth."""
        if self._places is not places:
            self._places, self._columns = places, {}
        if (block, measure) not in self._columns:
            self._columns[block, measure] = [*map(self._amounts[block][measure].__getitem__, places)]
        return self._columns[block, measure]


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
