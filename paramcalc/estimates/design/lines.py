"""Measures of a model as straight lines in the width of its feed-forward, all other sizes put in."""

from __future__ import annotations

from math import gcd, prod
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.estimates.design.size_polynomial import OUTSIDE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence, Set

    from paramcalc.estimates.design.handles import Size

Terms = list[tuple[int, int]]
"""Coefficients, each with the place of the product of sizes it multiplies."""
LESS = (0, 2)
"""Measures whose difference measure -1 is: the total less embeddings."""


class Grain(NamedTuple):
    """What amounts have in common: all are a start and a multiple of a step more; 0 for one amount alone."""

    start: int
    step: int

    def reaches(self, amount: int, margin: int) -> bool:
        """Whether one of the amounts lies within the margin of one."""
        return not self.step or 2 * margin >= self.step or (amount - self.start + margin) % self.step <= 2 * margin


class Lines(NamedTuple):
    """For each block and measure, `(fixed, slope)` in the width."""

    pieces: dict[str, tuple[tuple[int, int], ...]]

    def of(self, measure: int) -> dict[str, tuple[int, int]]:
        """Fixed part and slope of a measure of each block; measure -1 is the total less embeddings."""
        if measure >= 0:
            return {name: lines[measure] for name, lines in self.pieces.items()}
        more, less = LESS
        return {name: (lines[more][0] - lines[less][0], lines[more][1] - lines[less][1])
                for name, lines in self.pieces.items()}

    def grain(self, measure: int, step: int) -> Grain:
        """Of a measure of whole models, however deep, of widths that are multiples of a step."""
        lines = self.of(measure)
        start, slope = lines[OUTSIDE]
        blocks = [line for name, line in lines.items() if name]
        return Grain(start, gcd(step * slope, *[fixed for fixed, _ in blocks], *[step * slope for _, slope in blocks]))

    def at(self, measure: int, blocks: dict[str, int]) -> tuple[int, int]:
        """Fixed part and slope of a measure of the whole model."""
        return model_line(self.of(measure), blocks)

    def value(self, measure: int, blocks: dict[str, int], width: int) -> int:
        """A measure of the whole model: parameters, or bytes of cache a token."""
        fixed, slope = self.at(measure, blocks)
        return fixed + slope * width


def model_line(lines: Mapping[str, tuple[int, int]], blocks: Mapping[str, int]) -> tuple[int, int]:
    """Fixed part and slope of a model whose blocks occur so often."""
    fixed = slope = 0
    for name, (a, c) in lines.items():
        times = blocks.get(name, 0) if name else 1
        fixed += times * a
        slope += times * c
    return fixed, slope


class Polynomials:
    """Polynomials of the sizes but the hidden size, as lines in the width for any of the others."""

    def __init__(self, pieces: Mapping[str, Sequence[Mapping[tuple[int, ...], int]]], names: Sequence[Size],
                 needed: Set[int]) -> None:
        """Coefficients by the powers of the sizes after the hidden size, of each block and measure; measures that are
        not needed are taken for zero."""
        rest = names[1:]
        width = rest.index("width") if "width" in rest else -1
        self._products: dict[tuple[Size, ...], int] = {(): 0}
        """Sizes that are multiplied with each other, by their place among all such products."""
        self._terms: dict[str, tuple[tuple[Terms, Terms], ...]] = {}
        for block, measures in pieces.items():
            lines: list[tuple[Terms, Terms]] = []
            for measure, terms in enumerate(measures):
                line: tuple[Terms, Terms] = ([], [])
                for powers, coefficient in terms.items() if measure in needed else ():
                    product = tuple(name for at, (name, power) in enumerate(zip(rest, powers, strict=True))
                                    if at != width for _ in range(power))
                    place = self._products.setdefault(product, len(self._products))
                    line[powers[width] if width >= 0 else 0].append((coefficient, place))
                lines.append(line)
            self._terms[block] = tuple(lines)

    def at(self, others: Mapping[Size, int]) -> Lines:
        """With all sizes but the width put in."""
        values = [prod(map(others.__getitem__, names)) for names in self._products]
        return Lines({block: tuple([(sum([times * values[place] for times, place in fixed]),
                                     sum([times * values[place] for times, place in slope]))
                                    for fixed, slope in lines]) for block, lines in self._terms.items()})

    def grain(self, measure: int, step: int) -> Grain:
        """Of a measure of whole models of any other sizes and depth, of widths that are multiples of a step."""
        measures = (measure,) if measure >= 0 else LESS
        start, least = 0, 0
        for block, lines in self._terms.items():
            for each in measures:
                fixed, slope = lines[each]
                for times, place in fixed:
                    if block or place:
                        least = gcd(least, times)
                    else:
                        start += times if each == measures[0] else -times
                least = gcd(least, *(times * step for times, _ in slope))
        return Grain(start, least)
