"""Measures of a model as straight lines in the width of its feed-forward, all other sizes put in."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from paramcalc.estimates.design.handles import Size


class Lines(NamedTuple):
    """For each block and measure, `(fixed, slope)` in the width."""

    pieces: dict[str, tuple[tuple[int, int], ...]]

    def of(self, measure: int) -> dict[str, tuple[int, int]]:
        """Fixed part and slope of a measure of each block; measure -1 is the total less embeddings."""
        if measure >= 0:
            return {name: lines[measure] for name, lines in self.pieces.items()}
        return {name: (lines[0][0] - lines[2][0], lines[0][1] - lines[2][1]) for name, lines in self.pieces.items()}

    def at(self, measure: int, blocks: dict[str, int]) -> tuple[int, int]:
        """Fixed part and slope of a measure of the whole model."""
        return whole(self.of(measure), blocks)

    def value(self, measure: int, blocks: dict[str, int], width: int) -> int:
        """A measure of the whole model: parameters, or bytes of cache a token."""
        fixed, slope = self.at(measure, blocks)
        return fixed + slope * width


def whole(lines: Mapping[str, tuple[int, int]], blocks: Mapping[str, int]) -> tuple[int, int]:
    """Fixed part and slope of a model whose blocks occur so often."""
    fixed = slope = 0
    for name, (a, c) in lines.items():
        times = blocks.get(name, 0) if name else 1
        fixed += times * a
        slope += times * c
    return fixed, slope


def affine(
    pieces: dict[str, tuple[dict[tuple[int, ...], int], ...]], names: Sequence[Size], others: Mapping[Size, int],
    needed: set[int],
) -> Lines:
    """The polynomials with all sizes but the width put in; exponents are those after the hidden size's."""
    rest = names[1:]
    width = rest.index("width") if "width" in rest else -1
    factors = [others.get(name, 1) for name in rest]
    lines_of: dict[str, tuple[tuple[int, int], ...]] = {}
    for block, measures in pieces.items():
        lines = []
        for measure, terms in enumerate(measures):
            line = [0, 0]
            for exponents, coefficient in terms.items() if measure in needed else ():
                amount = coefficient
                for index, exponent in enumerate(exponents):
                    if exponent and index != width:
                        amount *= factors[index]
                line[exponents[width] if width >= 0 else 0] += amount
            lines.append((line[0], line[1]))
        lines_of[block] = tuple(lines)
    return Lines(lines_of)
