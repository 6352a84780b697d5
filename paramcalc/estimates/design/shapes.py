"""Shapes of one hidden size near a family's, but for their depth: every first half with every second.

The first is heads and key heads, mostly, the second the width and what is multiplied with it.
"""

from __future__ import annotations

from functools import cache
from itertools import chain, product
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.estimates.design.form import Around, Form
from paramcalc.estimates.design.halves import Amounts, Seconds
from paramcalc.estimates.design.near_sizes import joined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paramcalc.estimates.design.halves import Polynomials
    from paramcalc.estimates.design.handles import Size
    from paramcalc.estimates.design.near_sizes import NearSizes

ODD = 0.04
"""Counts in the distance for each power of two a size lacks to be a multiple of 512 (hidden) or 2,048 (width)."""


class First(NamedTuple):
    """Sizes that no product joins with the width."""

    least: float
    """No shape with them is nearer to the family."""
    sizes: dict[Size, int]
    rests: list[float]
    """Their distance from each of the family's members."""
    amounts: dict[str, Amounts]
    """Of each block, once."""


class Shapes:
    """The halves of shapes of one hidden size, with their distances from a family's."""

    def __init__(self, hidden: int, sizes: NearSizes, family: Sequence[Form], polynomials: Polynomials) -> None:
        self.hidden, self.around = hidden, Around(hidden, sizes.handles.head_dim, family)
        choices = sizes.choices(hidden)
        joint = polynomials.joined("width", [[*each[0]] for each in choices if each])
        firsts, seconds = ([each for each in choices if (not joint.isdisjoint(chain(*each))) == last]
                           for last in (False, True))
        self._firsts = [*map(joined, product(*firsts))]
        self._choices = [*map(joined, product(*seconds))]
        self._first = polynomials.half({name for each in firsts for sizes in each for name in sizes}, constant=True)
        self._second = polynomials.half(joint, constant=False)
        low, high = sizes.widths(hidden)
        self._widths = range(low, high + 1, sizes.width_step(hidden))
        self._far = [self.around.sizes(choice) for choice in self._choices]
        strange = [odd(hidden, width) for width in self._widths]
        self.bounds = [wide + more for rests in self._far
                       for wide, more in zip(self.around.widths(rests, self._widths), strange, strict=True)]
        """Of each second half: no shape with it is nearer."""
        self.least = min(self.bounds, default=0.0)

    def firsts(self, most: float) -> list[First]:
        """First halves of shapes that may be within a distance, the nearest first."""
        near = []
        for sizes in self._firsts if self._choices else ():
            rests = self.around.sizes(sizes)
            if (least := min(rests)) + self.least <= most:
                near.append(First(least, sizes, rests, self._first.at(sizes)))
        return sorted(near, key=lambda first: first.least)

    def seconds(self) -> Seconds:
        """The second halves of shapes with their contributions to the counts."""
        return Seconds(self._second, self._choices, self._widths)

    def sizes(self, first: First, second: int) -> dict[Size, int]:
        """Sizes of the shape that two halves make, by name."""
        choice, width = divmod(second, len(self._widths))
        return {"hidden_size": self.hidden, **first.sizes, **self._choices[choice], "width": self._widths[width]}

    def strangeness(self, first: First, second: int, depth: Sequence[float]) -> float:
        """The distance of the shape that two halves make, of a depth so far from each member's."""
        choice, width = divmod(second, len(self._widths))
        return min(near + far + deep + wide for near, far, deep, wide in zip(
            first.rests, self._far[choice], depth, self.around.width(self._widths[width]), strict=True)
                   ) + odd(self.hidden, self._widths[width])


def odd(hidden: int, width: int) -> float:
    """How far sizes are from multiples of a large power of two, which kernels and people prefer."""
    return ODD * (_lacking(hidden, 9) + _lacking(width, 11))


@cache
def _lacking(size: int, power: int) -> int:
    """Powers of two a size lacks to be a multiple of that power."""
    return max(0, power - (size & -size).bit_length() + 1) if size else 0
