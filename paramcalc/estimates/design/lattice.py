"""Shapes worth training, of about a wanted size: hidden sizes and widths that kernels like, heads that divide.

Every shape of the lattice is rated by the polynomial of its size alone; the width is not enumerated but solved for.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from functools import partial
from heapq import nsmallest
from itertools import chain, groupby, pairwise, repeat
from math import exp, inf, log
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.components.layout import MAX_LAYERS, continued
from paramcalc.estimates.design.form import Around, Distances, Form, Shape, form
from paramcalc.estimates.design.lines import Lines, affine, whole
from paramcalc.estimates.design.near_sizes import NearSizes
from paramcalc.estimates.design.size_polynomial import MEASURES
from paramcalc.parallel import over

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from paramcalc.estimates.design.goals import Bounds, Goal
    from paramcalc.estimates.design.handles import Handles, Size
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


def _spaced(first: int, step: int, number: int) -> Iterable[int]:
    """So many numbers, each by a step more than the one before."""
    return range(first, first + step * number, step) if step else repeat(first, max(number, 0))


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
        self.visited = 0
        self.least = [inf] * len(bounds.budgets)
        """Of each budget's measure, over the shapes of that size: what a budget must allow."""
        self._worst = limit
        """Score of the last of the best so far: shapes farther off in size alone need no rating."""
        self._blocks: dict[int, dict[str, int] | None] = {}
        self._steps: list[list[tuple[str, int]]] = []
        """Blocks that each further step in depth adds, from no layers on."""
        self._deepest = 0
        self._runs_of: dict[range, list[tuple[list[tuple[str, int]], int]]] = {}

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
        names = self.polynomial.names
        for hidden in hidden_sizes:
            pieces, around = self.polynomial.at_width(hidden), Around(hidden, self.handles.head_dim, self.family)
            for others in self.sizes.others(hidden):
                distances = around.of(others)
                if distances.rest > self._worst:
                    continue
                lines = affine(pieces, names, others, needed)
                for layers, width, distance, unlike in self._sized(hidden, lines, goals, distances):
                    strangeness = unlike + _odd(hidden, width)
                    score = strangeness + self._far(distance)
                    if score <= self._worst:
                        sizes = others | {"hidden_size": hidden, "width": width}
                        shape = Shape(tuple(sizes[name] for name in names), layers)
                        yield Rated(score, distance, strangeness, shape,
                                    lines.value(0, self._pattern_of(layers) or {}, width))

    def _sized(self, hidden: int, lines: Lines, goals: Sequence[Goal], distances: Distances,
               ) -> Iterator[tuple[int, int, int, float]]:
        """Layers, width and distances of every shape that meets the goals, keeps the budgets and may be among the best.
        """
        goal = goals[0]
        margin = self._margin(goal, distances.rest)
        step, (low, high) = self.sizes.width_step(hidden), self.sizes.widths(hidden)
        for layers, fixed, slope in self._near(hidden, lines, goal, margin, distances):
            nearer = self._margin(goal, distances.least(layers))
            blocks = self._pattern_of(layers) or {}
            widths = self._affordable(lines, blocks, self._widths(step, low, high, fixed, slope, goal.amount, nearer))
            if not widths:
                continue
            near = distances.at(layers, self._worst)
            for width in widths:
                self.visited += 1
                distance = abs(fixed + slope * width - goal.amount)
                if distance <= nearer and self._meets(lines, blocks, width, goals[1:]):
                    yield layers, width, distance // goal.resolution, near.nearest(width)

    def _near(self, hidden: int, lines: Lines, goal: Goal, margin: int, distances: Distances,
              ) -> Iterator[tuple[int, int, int]]:
        """Layers, and the fixed part and slope of what they count, where a width may lie within the margin."""
        of_block, step, (low, high) = lines.of(goal.measure), self.sizes.width_step(hidden), self.sizes.widths(hidden)
        depths = self._depths(hidden, distances)
        if not depths:
            return
        fixed, slope = whole(of_block, self._pattern_of(depths[0]) or {})
        several, most, least = low < high, goal.amount + margin, goal.amount - margin
        at = depths[0]
        for added, turns in ([], 0), *self._runs(depths):  # so far as the pattern goes on
            more = sum(times * of_block[name][0] for name, times in added)
            steeper = sum(times * of_block[name][1] for name, times in added)
            first, end = (1 if added else 0), turns + 1
            if (grows := more + steeper * high) > 0:  # shallower ones are too small even at their widest
                first = max(first, -((fixed + slope * high - least) // grows))
            if (grows := more + steeper * low) > 0:  # deeper ones are too large even at their narrowest
                end = min(end, (most - fixed - slope * low) // grows + 1)
            elif fixed + slope * low > most:
                return
            places: Iterable[int] = range(first, end)
            if several and steeper >= 0 and (apart := (slope + first * steeper) * step):
                rests = zip(_spaced(most - fixed - first * more, -more, end - first),
                            _spaced(apart, steeper * step, end - first), strict=True)
                places = [first + place for place, (rest, apart) in enumerate(rests) if rest % apart <= 2 * margin]
            for place in places:
                yield at + place * depths.step, fixed + place * more, slope + place * steeper
            if end <= turns:
                return
            at, fixed, slope = at + turns * depths.step, fixed + turns * more, slope + turns * steeper

    def _depths(self, hidden: int, distances: Distances) -> range:
        """Layers of shapes that may be among the best by their depth."""
        depths = self.sizes.layers(hidden)
        least, most = distances.depths(self._worst)
        depths = depths[bisect_left(depths, least - 1) : bisect_right(depths, most + 1)]
        return depths if depths and self._pattern_of(depths[0]) is not None else range(0)

    def _runs(self, depths: range) -> list[tuple[list[tuple[str, int]], int]]:
        """Blocks each depth but the first has more than the one before it, and of how many depths in turn that holds,
        so far as the pattern goes on."""
        if depths not in self._runs_of:
            self._runs_of[depths] = [(added, len(list(same))) for added, same in groupby(self._added(depths))]
        return self._runs_of[depths]

    def _added(self, depths: range) -> list[list[tuple[str, int]]]:
        while self._deepest < depths[-1]:
            shallow, self._deepest = self._deepest, self._deepest + self.handles.depth_step
            fewer, blocks = self._pattern_of(shallow) or {}, self._pattern_of(self._deepest)
            if blocks is None:
                self._deepest = MAX_LAYERS
                break
            self._steps.append([(name, times) for name in blocks | fewer
                                if (times := blocks.get(name, 0) - fewer.get(name, 0))])
        return self._steps[depths[0] // self.handles.depth_step : depths[-1] // self.handles.depth_step]

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
        blocks, sizes = self._pattern_of(rated.shape.layers) or {}, rated.shape.sizes
        measures = (0, 2) if goal.measure < 0 else (goal.measure,)
        values = [self.polynomial.value(measure, sizes, blocks) for measure in measures]
        return values[0] - sum(values[1:])

    def _amount(self, lines: Lines, goal: Goal, layers: int, width: int) -> float:
        blocks = self._pattern_of(layers)
        return inf if blocks is None else lines.value(goal.measure, blocks, width)

    def _meets(self, lines: Lines, blocks: dict[str, int], width: int, goals: Sequence[Goal]) -> bool:
        return all(abs(lines.value(goal.measure, blocks, width) - goal.amount) <= goal.amount * goal.tolerance
                   for goal in goals)

    def _pattern_of(self, layers: int) -> dict[str, int] | None:
        """How often each block occurs in so many layers; None where the pattern does not go on."""
        if layers not in self._blocks:
            try:
                self._blocks[layers] = Counter(chain.from_iterable(
                    map(continued, self.patterns, self.handles.depths(layers))))
            except ValueError:
                self._blocks[layers] = None
        return self._blocks[layers]

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
        pieces, names, needed = self.polynomial.at_width(hidden), self.polynomial.names, {*range(len(MEASURES))}
        depths, width = self.sizes.layers(hidden), self.sizes.widths(hidden)[at]
        amounts = [self._amount(affine(pieces, names, others, needed), goal, depths[at], width)
                   for others in self.sizes.others(hidden) if depths]
        return best(amounts) if amounts else inf

    def _extremes(self, hidden: int, goal: Goal) -> tuple[float, float]:
        """What the smallest and the largest shape of a hidden size count."""
        pieces = self.polynomial.at_width(hidden)
        others = list(self.sizes.others(hidden))
        ends: list[dict[Size, int]] = [{name: end(each.get(name, 0) for each in others) for name in others[0]}
                                       for end in (min, max)] if others else []
        depths, widths = self.sizes.layers(hidden), self.sizes.widths(hidden)
        amounts = []
        if not depths or not others:
            return inf, 0.0
        for sizes, layers, width in zip(ends, (depths[0], depths[-1]), widths, strict=True):
            lines = affine(pieces, self.polynomial.names, sizes, {*range(len(MEASURES))})
            amounts.append(self._amount(lines, goal, layers, width))
        return amounts[0], amounts[1]

    def _widths(self, step: int, low: int, high: int, fixed: int, slope: int, amount: int, margin: float) -> range:
        """Widths whose shape lies within the margin."""
        if low == high:
            return range(low, low + 1)
        first = max(low, -(-int(amount - margin - fixed) // slope // step) * step)
        last = min(high, int(amount + margin - fixed) // slope)
        return range(first, last + 1, step)
