"""Shapes worth training, of about a wanted size: hidden sizes and widths that kernels like, heads that divide.

Every shape of the lattice is rated by the polynomial of its size alone; the width is not enumerated but solved for.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import partial
from heapq import nsmallest
from itertools import pairwise
from math import exp, inf, log
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.estimates.design.depths import Depths
from paramcalc.estimates.design.form import Around, Distances, Form, Shape, form
from paramcalc.estimates.design.lines import Lines, Polynomials
from paramcalc.estimates.design.near_sizes import NearSizes
from paramcalc.estimates.design.size_polynomial import MEASURES
from paramcalc.parallel import over

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence, Set

    from paramcalc.estimates.design.goals import Bounds, Goal
    from paramcalc.estimates.design.handles import Handles, Size
    from paramcalc.estimates.design.near_sizes import Axes
    from paramcalc.estimates.design.size_polynomial import SizePolynomial

ODD = 0.04
"""Counts in that distance for each power of two a size lacks to be a multiple of 512 (hidden) or 2,048 (width)."""
LIKELY, LOTS = (32, 8, 3), 2
"""Processes look at one of so many hidden sizes first, then up to one of so many, and so on: what these give rules
out most others; each at so many lots in turn."""
APART = 100.0
"""Counts in that distance where the size is not the very one that is asked for: more than any strangeness."""
NEAR = 0.33
"""Counts in it besides for each e-fold of the difference in size: what a family's shapes differ in on average."""


class Rated(NamedTuple):
    """A shape with its distances in size and from the family's shapes."""

    score: float
    """Both together; the smallest is best."""
    distance: int
    """In size, in units of the goal's resolution."""
    strangeness: float
    """From the family's shapes."""
    shape: Shape
    total: int


def _odd(hidden: int, width: int) -> float:
    """How far sizes are from multiples of large powers of two, which kernels and people prefer."""
    powers = ((hidden, 9), (width, 11))
    return ODD * sum(max(0, bits - (size & -size).bit_length() + 1) for size, bits in powers if size)


def _widths(axes: Axes, fixed: int, slope: int, amount: int, margin: float) -> range:
    """Widths whose shape lies within the margin."""
    if axes.low == axes.high or not slope:
        return range(axes.low, axes.high + 1, axes.step)
    first = max(axes.low, -(-int(amount - margin - fixed) // slope // axes.step) * axes.step)
    last = min(axes.high, int(amount + margin - fixed) // slope)
    return range(first, last + 1, axes.step)


def _reporting(hidden_sizes: Sequence[int], progress: Callable[[int, int], None] | None) -> Iterator[int]:
    """The hidden sizes one after the other; `progress` is told of each that is done."""
    for done, hidden in enumerate(hidden_sizes, start=1):
        yield hidden
        if progress is not None:
            progress(done, len(hidden_sizes))


def _walked(lattice: Lattice, goals: Sequence[Goal], top: int, best: Sequence[Rated], hidden_sizes: Sequence[int],
            ) -> tuple[list[Rated], list[float]]:
    """The best with those of some hidden sizes, and the least of what the budgets measure."""
    return lattice.walk(goals, top, best, hidden_sizes), lattice.least


class Lattice:
    """Every shape near a family's, as a walk."""

    def __init__(self, handles: Handles, polynomial: SizePolynomial, family: Sequence[Form],
                 patterns: Sequence[Sequence[str]], bounds: Bounds, near: float = NEAR, limit: float = inf) -> None:
        self.handles, self.polynomial, self.bounds, self.near, self.limit = handles, polynomial, bounds, near, limit
        own = form(polynomial.names, Shape(tuple(handles.sizes.values()), handles.layers), handles.head_dim)
        self.family = list(dict.fromkeys([own, *family]))
        self.sizes = NearSizes(handles, self.family, bounds)
        self.patterns = patterns
        """Every layer's block, of each stack."""
        self.depths = Depths(patterns, handles)
        self.visited = 0
        self.least = [inf] * len(bounds.budgets)
        """Of each budget's measure, over the shapes of that size: what a budget must allow."""
        self._worst = limit
        """Score of the last of the best so far: shapes farther off in size alone need no rating."""

    def by_size(self) -> Lattice:
        """The same shapes, rated by their size before all."""
        return Lattice(self.handles, self.polynomial, self.family[1:], self.patterns, self.bounds, APART)

    def nearest(self, goals: Sequence[Goal], top: int, jobs: int = 1,
                progress: Callable[[int, int], None] | None = None) -> list[Rated]:
        """The best shapes: those of the very size first, the most like the family before others; then the nearest in
        size and shape. `jobs` processes look at once; `progress` is told (done, all)."""
        hidden_sizes = sorted(self._hidden_sizes(goals[0]), key=lambda size: _odd(size, 0))  # likely ones first
        if jobs == 1:
            return self.walk(goals, top, [], _reporting(hidden_sizes, progress))
        best: list[Rated] = []
        ends = [0, *(len(hidden_sizes) // part for part in LIKELY), len(hidden_sizes)]
        for some in (hidden_sizes[first:last] for first, last in pairwise(ends)):
            lots = [lot for start in range(jobs * LOTS) if (lot := some[start :: jobs * LOTS])]
            for shapes, least in over(partial(_walked, self._portable(), goals, top, best), lots, jobs, progress):
                best = nsmallest(top, {*best, *shapes})
                self.least = [*map(min, self.least, least)]
        return best

    def walk(self, goals: Sequence[Goal], top: int, best: Sequence[Rated], hidden_sizes: Iterable[int]) -> list[Rated]:
        """The best of some shapes and of those of some hidden sizes."""
        shapes = [*best]
        self._worst = best[-1].score if len(best) == top else self.limit
        for rated in self._rated(goals, hidden_sizes):
            shapes.append(rated)
            if len(shapes) >= 4 * top:
                shapes = nsmallest(top, shapes)
                self._worst = shapes[-1].score
        return nsmallest(top, shapes)

    def _portable(self) -> Lattice:
        """The same with functions that pickle; what budgets measure is among the polynomials already."""
        budgets = tuple(budget._replace(measure=id, shown=str) for budget in self.bounds.budgets)
        return Lattice(self.handles, self.polynomial, self.family[1:], self.patterns,
                       self.bounds._replace(budgets=budgets), self.near, self.limit)

    def unlike(self, rated: Sequence[Rated], top: int) -> list[Rated]:
        """The first of each hidden size, depth and width."""
        first: dict[tuple[int, ...], Rated] = {}
        places = [self.polynomial.names.index(name) for name in ("hidden_size", "width")
                  if name in self.polynomial.names]
        for each in rated:
            first.setdefault((each.shape.layers, *(each.shape.sizes[place] for place in places)), each)
        return list(first.values())[:top]

    def _rated(self, goals: Sequence[Goal], hidden_sizes: Iterable[int]) -> Iterator[Rated]:
        needed = {0, *(measure for goal in goals for measure in ((0, 2) if goal.measure < 0 else (goal.measure,))),
                  *range(len(MEASURES), len(MEASURES) + len(self.bounds.budgets))}
        names, goal = self.polynomial.names, goals[0]
        for hidden in hidden_sizes:
            axes, around = self.sizes.axes(hidden), Around(hidden, self.handles.head_dim, self.family)
            polynomials = self._polynomials(hidden, needed)
            if not polynomials.grain(goal.measure, axes.multiple).reaches(goal.amount, self._margin(goal, 0.0)):
                continue
            for others in self.sizes.others(hidden):
                distances = around.of(others)
                if distances.rest > self._worst:
                    continue
                lines = polynomials.at(others)
                for layers, width, distance, unlike in self._sized(axes, lines, goals, distances):
                    strangeness = unlike + _odd(hidden, width)
                    score = strangeness + self._far(distance)
                    if score <= self._worst:
                        sizes = others | {"hidden_size": hidden, "width": width}
                        shape = Shape(tuple(sizes[name] for name in names), layers)
                        yield Rated(score, distance, strangeness, shape,
                                    lines.value(0, self.depths.blocks(layers) or {}, width))

    def _polynomials(self, hidden: int, needed: Set[int]) -> Polynomials:
        return Polynomials(self.polynomial.at_width(hidden), self.polynomial.names, needed)

    def _sized(self, axes: Axes, lines: Lines, goals: Sequence[Goal], distances: Distances,
               ) -> Iterator[tuple[int, int, int, float]]:
        """Layers, width and distances of every shape that meets the goals, keeps the budgets and may be among the best.
        """
        goal = goals[0]
        margin = self._margin(goal, distances.rest)
        if not lines.grain(goal.measure, axes.multiple).reaches(goal.amount, margin):
            return
        for layers, fixed, slope in self._near(axes, lines, goal, margin, distances):
            nearer = self._margin(goal, distances.least(layers))
            blocks = self.depths.blocks(layers) or {}
            widths = self._affordable(lines, blocks, _widths(axes, fixed, slope, goal.amount, nearer))
            if not widths:
                continue
            near = distances.at(layers, self._worst)
            for width in widths:
                self.visited += 1
                distance = abs(fixed + slope * width - goal.amount)
                if distance <= nearer and self._meets(lines, blocks, width, goals[1:]):
                    yield layers, width, distance // goal.resolution, near.nearest(width)

    def _near(self, axes: Axes, lines: Lines, goal: Goal, margin: int, distances: Distances,
              ) -> list[tuple[int, int, int]]:
        """Layers, and the fixed part and slope of what they count, where a width may lie within the margin."""
        low, high, step = axes.low, axes.high, axes.step
        depths = self._likely(axes.layers, distances)
        fixed, slopes = self.depths.lines(depths, lines.of(goal.measure))
        most, places = goal.amount + margin, range(len(fixed))
        # shallower ones are too small even at their widest, deeper ones too large even at their narrowest
        first = bisect_left(places, goal.amount - margin, key=lambda place: fixed[place] + slopes[place] * high)
        end = bisect_right(places, most, key=lambda place: fixed[place] + slopes[place] * low)
        near, room = zip(depths[first:end], fixed[first:end], slopes[first:end], strict=True), 2 * margin
        if low == high:
            return [*near]
        return [(layers, least, slope) for layers, least, slope in near
                if not slope or (most - least) % (slope * step) <= room]

    def _likely(self, depths: range, distances: Distances) -> range:
        """Layers of shapes that may be among the best by their depth."""
        least, most = distances.depths(self._worst)
        return depths[bisect_left(depths, least - 1) : bisect_right(depths, most + 1)]

    def _margin(self, goal: Goal, strangeness: float) -> int:
        """Distance in size up to which a shape at least so strange may be among the best; negative where none may."""
        room = self._worst - strangeness
        return -1 if room < 0 else int(min(goal.amount * goal.tolerance, self._reach(room) * goal.resolution))

    def _far(self, distance: int) -> float:
        """What a distance in size, in units of the goal's resolution, counts in the score."""
        return APART + self.near * log(distance) if distance else 0.0

    def _reach(self, room: float) -> float:
        """Distances in size below it count at most so much."""
        return 1.0 if room < APART else exp(min((room - APART) / self.near, 100)) + 1

    def _affordable(self, lines: Lines, blocks: dict[str, int], widths: range) -> range:
        """Those of the widths that keep every budget."""
        if not widths:
            return widths
        last = widths[-1]
        for index, budget in enumerate(self.bounds.budgets):
            fixed, slope = lines.at(len(MEASURES) + index, blocks)
            least = fixed + slope * widths.start
            self.least[index] = min(self.least[index], least)
            if least > budget.most:
                last = -1
            elif slope:
                last = min(last, (budget.most - fixed) // slope)
        return range(widths.start, last + 1, widths.step)

    def amount(self, rated: Rated, goal: Goal) -> int:
        """What a shape counts of what a goal asks for."""
        blocks, sizes = self.depths.blocks(rated.shape.layers) or {}, rated.shape.sizes
        measures = (0, 2) if goal.measure < 0 else (goal.measure,)
        values = [self.polynomial.value(measure, sizes, blocks) for measure in measures]
        return values[0] - sum(values[1:])

    def _amount(self, lines: Lines, goal: Goal, layers: int, width: int) -> float:
        blocks = self.depths.blocks(layers)
        return inf if blocks is None else lines.value(goal.measure, blocks, width)

    def _meets(self, lines: Lines, blocks: dict[str, int], width: int, goals: Sequence[Goal]) -> bool:
        return all(abs(lines.value(goal.measure, blocks, width) - goal.amount) <= goal.amount * goal.tolerance
                   for goal in goals)

    def _hidden_sizes(self, goal: Goal) -> Iterator[int]:
        """From the least, until the shallowest and narrowest shape of a hidden size is too large."""
        if "hidden_size" in self.bounds.fixed:
            yield self.bounds.fixed["hidden_size"]
            return
        for hidden in self.sizes.hidden_sizes():
            least, most = self._extremes(hidden, goal)
            if least > goal.amount * (1 + goal.tolerance):
                return
            if most >= goal.amount * (1 - goal.tolerance):
                yield hidden

    def ends(self, goal: Goal) -> tuple[float, float]:
        """What the smallest and the largest shape of all count; infinite where there is none."""
        fixed = self.bounds.fixed.get("hidden_size")
        hidden_sizes = [fixed] if fixed else [*self.sizes.hidden_sizes()]
        if not hidden_sizes:
            return inf, inf
        return self._end(hidden_sizes[0], goal, 0, min), self._end(hidden_sizes[-1], goal, -1, max)

    def _end(self, hidden: int, goal: Goal, at: int, best: Callable[[Iterable[float]], float]) -> float:
        polynomials = self._polynomials(hidden, {*range(len(MEASURES))})
        depths, width = self.sizes.layers(hidden), self.sizes.widths(hidden)[at]
        layers = next((each for each in (depths if at == 0 else reversed(depths)) if self.depths.blocks(each)), 0)
        amounts = [self._amount(polynomials.at(others), goal, layers, width)
                   for others in self.sizes.others(hidden) if layers]
        return best(amounts) if amounts else inf

    def _extremes(self, hidden: int, goal: Goal) -> tuple[float, float]:
        """What the smallest and the largest shape of a hidden size count."""
        polynomials = self._polynomials(hidden, {*range(len(MEASURES))})
        others = list(self.sizes.others(hidden))
        ends: list[dict[Size, int]] = [{name: end(each.get(name, 0) for each in others) for name in others[0]}
                                       for end in (min, max)] if others else []
        depths, widths = self.sizes.layers(hidden), self.sizes.widths(hidden)
        amounts = []
        if not depths or not others:
            return inf, 0.0
        for sizes, layers, width in zip(ends, (depths[0], depths[-1]), widths, strict=True):
            amounts.append(self._amount(polynomials.at(sizes), goal, layers, width))
        return amounts[0], amounts[1]
