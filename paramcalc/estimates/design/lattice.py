"""Shapes worth training, of about a wanted size: hidden sizes and widths that kernels like, heads that divide.

Every shape of the lattice is rated by the polynomial of its size alone; the width is not enumerated but solved for.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from functools import cache, partial
from heapq import nsmallest
from itertools import pairwise
from math import exp, gcd, inf, log
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.estimates.design.depths import Depths
from paramcalc.estimates.design.form import DEEPER, Form, Shape, form
from paramcalc.estimates.design.halves import LESS, Polynomials
from paramcalc.estimates.design.near_sizes import NearSizes
from paramcalc.estimates.design.shapes import Shapes, odd
from paramcalc.estimates.design.size_polynomial import MEASURES
from paramcalc.parallel import over

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from paramcalc.estimates.design.goals import Bounds, Goal
    from paramcalc.estimates.design.halves import Sorted
    from paramcalc.estimates.design.handles import Handles, Size
    from paramcalc.estimates.design.shapes import First
    from paramcalc.estimates.design.size_polynomial import SizePolynomial

LIKELY, LOTS = (32, 8, 3), 2
"""Processes look at one of so many hidden sizes first, then up to one of so many, and so on: what these give rules
out most others; each at so many lots in turn."""
APART = 100.0
"""Counts in that distance where the size is not the very one that is asked for: more than any strangeness."""
NEAR = 0.33
"""Counts in it besides for each e-fold of the difference in size: what a family's shapes differ in on average."""

ALIKE = 1e-9
"""Sums of the same distances in another order differ by less."""


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


def _reporting(hidden_sizes: Sequence[int], progress: Callable[[int, int], None] | None) -> Iterator[int]:
    """The hidden sizes one after the other; `progress` is told of each that is done."""
    for completed, hidden in enumerate(hidden_sizes, start=1):
        yield hidden
        if progress is not None:
            progress(completed, len(hidden_sizes))


def _walked(lattice: Lattice, goals: Sequence[Goal], top: int, best: Sequence[Rated], hidden_sizes: Sequence[int],
            ) -> tuple[list[Rated], list[float]]:
    """The best with those of some hidden sizes, and the least of what the budgets measure."""
    return lattice.walk(goals, top, best, hidden_sizes), lattice.least


class Hit(NamedTuple):
    """A first half at a depth with second halves that make shapes of about a size."""

    layers: int
    bases: list[int]
    """What the first half counts of each measure."""
    times: int
    """How often the second halves' amounts are there."""
    row: Sorted
    at: int
    """Place of the smallest of them in the row."""

    def amount(self, measure: int, index: int) -> int:
        """Amount of the shape with the second half at that place in the row."""
        return self.bases[measure] + self.times * self.row.amounts(measure)[index]

    def least(self, measure: int) -> int:
        """Least amount of any of the shapes: parameters, bytes or FLOPs, as the budget measures."""
        return self.bases[measure] + self.times * self.row.least(measure)[self.at]


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
        hidden_sizes = sorted(self._hidden_sizes(goals[0]), key=partial(self._unlikely, goals[0]))
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

    def _unlikely(self, goal: Goal, hidden: int) -> float:
        """How far a hidden size is from what is expected of a model of that size that is like this one."""
        own = self.handles.sizes
        blocks, sizes = self.depths.blocks(self.handles.layers) or {}, tuple(own.values())
        ratio = goal.amount / max(self._value(goal, sizes, blocks), 1)
        return abs(log(hidden / own["hidden_size"] / ratio ** (1 / (2 + DEEPER)))) + odd(hidden, 0)

    def has(self, goals: Sequence[Goal]) -> bool:
        """Whether any shape meets the goals and keeps the budgets."""
        return next(self._rated(goals, self._hidden_sizes(goals[0])), None) is not None

    def walk(self, goals: Sequence[Goal], top: int, best: Sequence[Rated], hidden_sizes: Iterable[int]) -> list[Rated]:
        """The best of some shapes and of those of some hidden sizes."""
        shapes = [*best]
        self._worst = best[-1].score if len(best) == top else self.limit
        for rated in self._rated(goals, hidden_sizes):
            insort(shapes, rated)
            if len(shapes) >= top:
                del shapes[top:]
                self._worst = shapes[-1].score
        return shapes

    def _portable(self) -> Lattice:
        """The same with functions that pickle; what budgets measure is among the polynomials already."""
        budgets = tuple(budget._replace(measure=id, text=str) for budget in self.bounds.budgets)
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
        measures, goal = self._measures(goals), goals[0]
        for hidden in hidden_sizes:
            polynomials = Polynomials(self.polynomial.at_width(hidden), self.polynomial.names, measures)
            step = gcd(self.sizes.widths(hidden)[0], self.sizes.width_step(hidden))
            if polynomials.grain(0, step).reaches(goal.amount, self._margin(goal, odd(hidden, 0))):
                depths = self.depths.going(self._depths(hidden, goal))
                if depths:
                    yield from self._of_hidden(Shapes(hidden, self.sizes, self.family, polynomials), depths, goals)

    def _measures(self, goals: Sequence[Goal]) -> list[int]:
        """Those of the goals, of the budgets, then the total."""
        return [*(goal.measure for goal in goals), *range(len(MEASURES), len(MEASURES) + len(self.bounds.budgets)), 0]

    def _of_hidden(self, shapes: Shapes, depths: range, goals: Sequence[Goal]) -> Iterator[Rated]:
        """Those that meet the goals, keep the budgets and may be among the best."""
        firsts = shapes.firsts(self._worst + ALIKE)
        room = self._worst - (firsts[0].least if firsts else inf) + ALIKE
        places = [place for place, bound in enumerate(shapes.bounds) if bound <= room]
        if not places:
            return
        seconds = shapes.seconds()

        @cache
        def row(place: int) -> tuple[int, Sorted]:  # sorted where they are looked at: few depths, where each differs
            return seconds.among(places, self.depths.blocks(depths[place]) or {})

        for first in firsts:
            if first.least + shapes.least > self._worst + ALIKE:
                return
            for hit in self._hits(shapes, first, depths, row, goals[0]):
                yield from self._best(shapes, first, hit, goals)

    def _hits(self, shapes: Shapes, first: First, depths: range, row: Callable[[int], tuple[int, Sorted]],
              goal: Goal) -> Iterator[Hit]:
        """Where second halves make shapes of about that size."""
        least = first.least + shapes.least
        margin, (low, high) = self._margin(goal, least), shapes.around.layers(self._worst - least)
        start, end = bisect_left(depths, low - 1), bisect_right(depths, high + 1)
        measures = len(next(iter(first.amounts.values())))
        amounts = [self.depths.amounts(depths, {block: each[measure] for block, each in first.amounts.items()})
                   for measure in range(measures)]
        under, most = goal.amount - margin, goal.amount + margin

        def ends(at: int) -> Callable[[int], int]:
            return lambda place: amounts[0][place] + row(place)[1].amounts(0)[at] * row(place)[0]

        # shallower ones are too small even at their widest, deeper ones too large even at their narrowest
        start = bisect_left(range(end), under, start, key=ends(-1)) if start < end else end
        end = bisect_right(range(end), most, start, key=ends(0))
        for place in range(start, end):
            base, (times, seconds) = amounts[0][place], row(place)
            sizes = seconds.amounts(0)
            at = bisect_left(sizes, -((base - under) // times))
            if at < len(sizes) and sizes[at] * times + base <= most:
                yield Hit(depths[place], [each[place] for each in amounts], times, seconds, at)

    def _best(self, shapes: Shapes, first: First, hit: Hit, goals: Sequence[Goal]) -> Iterator[Rated]:
        """Those of a hit that meet all goals, keep the budgets and may be among the best."""
        if not self._affordable(hit, len(goals)):
            return
        goal, depth = goals[0], shapes.around.depth(hit.layers)
        rest = first.least + min(depth)
        margin = self._margin(goal, rest + shapes.least)
        start = bisect_left(hit.row.amounts(0), -((hit.bases[0] - goal.amount + margin) // hit.times))
        end = bisect_right(hit.row.amounts(0), (goal.amount + margin - hit.bases[0]) // hit.times)
        for index in range(start, end):
            self.visited += 1
            distance = abs(hit.amount(0, index) - goal.amount) // goal.resolution
            second, far = hit.row.places[index], self._far(distance)
            if rest + shapes.bounds[second] + far > self._worst + ALIKE or not self._keeps(hit, index, goals):
                continue
            strangeness = shapes.strangeness(first, second, depth)
            if (score := strangeness + far) <= self._worst:
                sizes = shapes.sizes(first, second)
                shape = Shape(tuple(sizes[name] for name in self.polynomial.names), hit.layers)
                yield Rated(score, distance, strangeness, shape, hit.amount(-1, index))

    def _affordable(self, hit: Hit, first: int) -> bool:
        """Whether shapes of a hit may keep the budgets, or cost less than any so far; the budgets' measures start at
        the first."""
        budgets = self.bounds.budgets
        least = [hit.least(measure) for measure in range(first, first + len(budgets))]
        return (all(amount <= budget.most for amount, budget in zip(least, budgets, strict=True))
                or any(amount < before for amount, before in zip(least, self.least, strict=True)))

    def _keeps(self, hit: Hit, index: int, goals: Sequence[Goal]) -> bool:
        """Whether a shape keeps the budgets, of which the least are noted, and meets the goals but the first."""
        keeps = True
        for place, budget in enumerate(self.bounds.budgets):
            amount = hit.amount(len(goals) + place, index)
            self.least[place] = min(self.least[place], amount)
            keeps = keeps and amount <= budget.most
        return keeps and all(abs(hit.amount(place, index) - goal.amount) <= goal.amount * goal.tolerance
                             for place, goal in enumerate(goals) if place)

    def _margin(self, goal: Goal, strangeness: float) -> int:
        """Distance in size up to which a shape at least so strange may be among the best; negative where none may."""
        room = self._worst - strangeness + ALIKE
        return -1 if room < 0 else int(min(goal.amount * goal.tolerance, self._reach(room) * goal.resolution))

    def _far(self, distance: int) -> float:
        """What a distance in size, in units of the goal's resolution, counts in the score."""
        return APART + self.near * log(distance) if distance else 0.0

    def _reach(self, room: float) -> float:
        """Distances in size below it count at most so much."""
        return 1.0 if room < APART else exp(min((room - APART) / self.near, 100)) + 1

    def amount(self, rated: Rated, goal: Goal) -> int:
        """What a shape counts of what a goal asks for."""
        return self._value(goal, rated.shape.sizes, self.depths.blocks(rated.shape.layers) or {})

    def _value(self, goal: Goal, sizes: Sequence[int], blocks: dict[str, int]) -> int:
        values = [self.polynomial.value(measure, sizes, blocks)
                  for measure in (LESS if goal.measure < 0 else (goal.measure,))]
        return values[0] - sum(values[1:])

    def _amount(self, polynomials: Polynomials, sizes: Mapping[Size, int], layers: int) -> float:
        blocks = self.depths.blocks(layers)
        return inf if blocks is None else polynomials.value(0, sizes, blocks)

    def _hidden_sizes(self, goal: Goal) -> Iterator[int]:
        """From the least, until the shallowest and narrowest shape of a hidden size is too large."""
        if "hidden_size" in self.bounds.fixed:
            yield self.bounds.fixed["hidden_size"]
            return
        for hidden in self.sizes.hidden_sizes():
            depths, (least, most) = self.sizes.layers(hidden), self._extremes(hidden, goal)
            if not depths or least(depths[0]) > goal.amount * (1 + goal.tolerance):
                return
            if most(depths[-1]) >= goal.amount * (1 - goal.tolerance):
                yield hidden

    def ends(self, goal: Goal) -> tuple[float, float]:
        """What the smallest and the largest shape of all count; infinite where there is none."""
        fixed = self.bounds.fixed.get("hidden_size")
        hidden_sizes = [fixed] if fixed else [*self.sizes.hidden_sizes()]
        if not hidden_sizes:
            return inf, inf
        return self._end(hidden_sizes[0], goal, 0, min), self._end(hidden_sizes[-1], goal, -1, max)

    def _end(self, hidden: int, goal: Goal, at: int, best: Callable[[Iterable[float]], float]) -> float:
        polynomials = self._polynomials(hidden, goal)
        depths, width = self.sizes.layers(hidden), self.sizes.widths(hidden)[at]
        layers = next((each for each in (depths if at == 0 else reversed(depths)) if self.depths.blocks(each)), 0)
        amounts = [self._amount(polynomials, {**others, "width": width}, layers)
                   for others in self.sizes.others(hidden) if layers]
        return best(amounts) if amounts else inf

    def _extremes(self, hidden: int, goal: Goal) -> tuple[Callable[[int], float], Callable[[int], float]]:
        """What the smallest and the largest shape of a hidden size count, by depth."""
        polynomials, choices = self._polynomials(hidden, goal), self.sizes.choices(hidden)
        least, most = ({name: end(sizes.get(name, 0) for sizes in each) for each in choices for name in each[0]}
                       | {"width": width} for end, width in zip((min, max), self.sizes.widths(hidden), strict=True))
        return partial(self._amount, polynomials, least), partial(self._amount, polynomials, most)

    def _depths(self, hidden: int, goal: Goal) -> range:
        """Those of a hidden size at which shapes may be of that size."""
        depths = self.sizes.layers(hidden)
        if not all(self.sizes.choices(hidden)):
            return depths[:0]
        least, most = self._extremes(hidden, goal)
        return depths[bisect_left(depths, goal.amount * (1 - goal.tolerance), key=most) :
                      bisect_right(depths, goal.amount * (1 + goal.tolerance), key=least)]

    def _polynomials(self, hidden: int, goal: Goal) -> Polynomials:
        return Polynomials(self.polynomial.at_width(hidden), self.polynomial.names, [goal.measure])
