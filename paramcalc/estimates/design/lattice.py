"""Shapes worth training, of about a wanted size: hidden sizes and widths that kernels like, heads that divide.

Every shape of the lattice is rated by the polynomial of its size alone; the width is not enumerated but solved for.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from heapq import nsmallest
from itertools import chain
from math import exp, inf, lcm, log
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.components.layout import MAX_LAYERS, continued
from paramcalc.estimates.design.form import Distances, Form, Shape, form
from paramcalc.estimates.design.lines import Lines, affine
from paramcalc.estimates.design.size_polynomial import MEASURES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from paramcalc.estimates.design.handles import Handles, Size
    from paramcalc.estimates.design.size_polynomial import SizePolynomial
    from paramcalc.tree import Node

FINE, COARSE, LARGE = 64, 128, 8192
"""Hidden sizes are multiples of the first, from `LARGE` on of the second."""
ASPECT = 2.6
"""Hidden size over layers lies within this factor of a family member's, as for 9 of 10 of 120 published decoders."""
RATIO = 2.4
"""So does the width over the hidden size."""
HEADS_RATIO, HEADS_RATIO_SPARSE = 2.0, 1.4
"""So does the width of all heads over the hidden size; nearer where there are experts: it varies less there."""
GROUPED = 8
"""Key heads most models have that share them among query heads."""
HEADS = 4
"""Heads that share keys come in multiples of this, of twice as many from `MANY_HEADS` on."""
MANY_HEADS = 80
ODD = 0.04
"""Counts in that distance for each power of two a size lacks to be a multiple of 512 (hidden) or 2,048 (width)."""
NEAR = 0.33
"""Counts in that distance for each e-fold of the difference in size: what a family's shapes differ in on average."""
FEWER = 4
"""Experts are at most so many times more or fewer."""
EXPERT_STEPS = (4, 5, 6)
"""Powers of two of experts, one and a quarter of them, one and a half."""


class Goal(NamedTuple):
    """What a shape is to count, and how far from it it may be."""

    measure: int
    """Which of the polynomial's measures; -1 for total less embedding."""
    amount: int
    tolerance: float
    """Share of the amount."""
    resolution: int = 1
    """Amounts that differ by less are equally near: half a unit of the last digit that was asked for."""


class Budget(NamedTuple):
    """A measure of which a shape may have so much at most."""

    name: str
    """The option that says so."""
    measure: Callable[[Node], int]
    """Of a tree, or of a block of it."""
    most: int
    shown: Callable[[int], str] = str
    """An amount as the option takes it."""


class Bounds(NamedTuple):
    """What the lattice leaves out."""

    multiple_of: int | None = None
    fixed: Mapping[Size, int] = {}
    layers: int | None = None
    max_layers: int | None = None
    budgets: tuple[Budget, ...] = ()


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


class Lattice:
    """Every shape near a family's, as a walk."""

    def __init__(self, handles: Handles, polynomial: SizePolynomial, family: Sequence[Form],
                 patterns: Sequence[Sequence[str]], bounds: Bounds) -> None:
        self.handles, self.polynomial, self.bounds = handles, polynomial, bounds
        own = form(polynomial.names, Shape(tuple(handles.sizes.values()), handles.layers), handles.head_dim)
        self.family = list(dict.fromkeys([own, *family]))
        self.patterns = patterns
        """Every layer's block, of each stack."""
        self.visited = 0
        self.least = [inf] * len(bounds.budgets)
        """Of each budget's measure, over the shapes of that size: what a budget must allow."""
        self._worst: float = inf
        """Score of the last of the best so far: shapes farther off in size alone need no rating."""
        self._blocks: dict[int, dict[str, int] | None] = {}

    def nearest(self, goals: Sequence[Goal], top: int) -> list[Rated]:
        """The best shapes, nearest in size and most like the family; one of that very size before all others that are
        as strange."""
        best: list[Rated] = []
        self._worst = inf
        for rated in self._rated(goals):
            best.append(rated)
            if len(best) >= 4 * top:
                best = nsmallest(top, best)
                self._worst = best[-1].score
        return nsmallest(top, best)

    def unlike(self, rated: Sequence[Rated], top: int) -> list[Rated]:
        """The first of each hidden size, depth and width."""
        first: dict[tuple[int, ...], Rated] = {}
        places = [self.polynomial.names.index(name) for name in ("hidden_size", "width")
                  if name in self.polynomial.names]
        for each in rated:
            first.setdefault((each.shape.layers, *(each.shape.sizes[place] for place in places)), each)
        return list(first.values())[:top]

    def _rated(self, goals: Sequence[Goal]) -> Iterator[Rated]:
        needed = {0, *(measure for goal in goals for measure in ((0, 2) if goal.measure < 0 else (goal.measure,))),
                  *range(len(MEASURES), len(MEASURES) + len(self.bounds.budgets))}
        names = self.polynomial.names
        for hidden in sorted(self._hidden_sizes(goals[0]), key=lambda size: _odd(size, 0)):  # likely ones first
            pieces = self.polynomial.at_width(hidden)
            for others in self._others(hidden):
                lines = affine(pieces, names, others, needed)
                shape = Shape(tuple((others | {"hidden_size": hidden}).get(name, 0) for name in names), 1)
                distances = Distances(hidden, form(names, shape, self.handles.head_dim), self.family)
                for layers, width, distance, unlike in self._sized(hidden, lines, goals, distances):
                    strangeness = unlike + _odd(hidden, width)
                    score = strangeness + NEAR * log(1 + distance)
                    if score <= self._worst:
                        named = others | {"hidden_size": hidden, "width": width}
                        shape = Shape(tuple(named[name] for name in names), layers)
                        yield Rated(score, distance, strangeness, shape,
                                    lines.value(0, self._pattern_of(layers) or {}, width))

    def _sized(self, hidden: int, lines: Lines, goals: Sequence[Goal], distances: Distances,
               ) -> Iterator[tuple[int, int, int, float]]:
        """Layers, width and distances of every shape that meets the goals, keeps the budgets and may be among the best.
        """
        goal = goals[0]
        tolerated = goal.amount * goal.tolerance
        low, high = self._width_range(hidden)
        depths = self._layers(hidden)
        first = bisect_left(depths, goal.amount - tolerated, key=lambda n: self._amount(lines, goal, n, high))
        for layers in depths[first:]:
            blocks = self._pattern_of(layers)
            if blocks is None:
                return
            fixed, slope = lines.at(goal.measure, blocks)
            if fixed + slope * low > goal.amount + tolerated:
                return
            room = self._worst - distances.least(layers)
            if room < 0:
                continue
            margin = min(tolerated, exp(min(room / NEAR, 100)) * goal.resolution)
            widths = self._affordable(lines, blocks, self._widths(low, high, fixed, slope, goal.amount, margin))
            if not widths:
                continue
            near = distances.at(layers)
            for width in widths:
                self.visited += 1
                distance = abs(fixed + slope * width - goal.amount)
                if distance <= margin and self._meets(lines, blocks, width, goals[1:]):
                    yield layers, width, distance // goal.resolution, near.nearest(width)

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
                self._blocks[layers] = Counter(chain.from_iterable(continued(each, layers) for each in self.patterns))
            except ValueError:
                self._blocks[layers] = None
        return self._blocks[layers]

    def _hidden_sizes(self, goal: Goal) -> Iterator[int]:
        """From the least, until the shallowest and narrowest shape of a hidden size is too large."""
        if "hidden_size" in self.bounds.fixed:
            yield self.bounds.fixed["hidden_size"]
            return
        step = self.bounds.multiple_of or FINE
        hidden = step
        while hidden <= 2**17:
            if all((hidden * place.factor).denominator == 1 for place in self.handles.places["hidden_size"]):
                least, most = self._extremes(hidden, goal)
                if least > goal.amount * (1 + goal.tolerance):
                    return
                if most >= goal.amount * (1 - goal.tolerance):
                    yield hidden
            hidden += step if self.bounds.multiple_of or hidden < LARGE else COARSE

    def _extremes(self, hidden: int, goal: Goal) -> tuple[float, float]:
        """What the smallest and the largest shape of a hidden size count."""
        pieces = self.polynomial.at_width(hidden)
        others = list(self._others(hidden))
        ends: list[dict[Size, int]] = [{name: end(each.get(name, 0) for each in others) for name in others[0]}
                                       for end in (min, max)] if others else [{}, {}]
        depths, widths = self._layers(hidden), self._width_range(hidden)
        amounts = []
        for sizes, layers, width in zip(ends, (depths.start, depths.stop - 1), widths, strict=True):
            lines = affine(pieces, self.polynomial.names, sizes, {*range(len(MEASURES))})
            amounts.append(self._amount(lines, goal, layers, width))
        return amounts[0], amounts[1]

    def _layers(self, hidden: int) -> range:
        if self.bounds.layers:
            return range(self.bounds.layers, self.bounds.layers + 1)
        aspects = [member.aspect for member in self.family]
        most = min(int(hidden / min(aspects) * ASPECT), self.bounds.max_layers or MAX_LAYERS, MAX_LAYERS)
        return range(max(1, int(hidden / max(aspects) / ASPECT)), max(1, most) + 1)

    def _others(self, hidden: int) -> Iterator[dict[Size, int]]:
        """Heads, key heads, experts and dense widths for a hidden size."""
        for heads in self._heads(hidden):
            for experts in self._experts():
                for dense in self._dense(hidden):
                    yield {**heads, **experts, **dense}

    def _heads(self, hidden: int) -> Iterator[dict[Size, int]]:
        sizes, fixed = self.handles.sizes, self.bounds.fixed
        if "num_heads" not in sizes:
            yield {}
            return
        own = sizes["num_heads"]
        grouped = "num_kv_heads" in sizes
        per_head = sizes["hidden_size"] / own
        ratios = {member.heads / self.handles.head_dim for member in self.family if member.heads}
        near = HEADS_RATIO_SPARSE if "experts" in sizes else HEADS_RATIO
        most, least = hidden * max(ratios) * near, hidden * min(ratios) / near
        for kv in self._kv_heads() if grouped else (0,):
            if kv == -1:
                heads = {round(hidden * ratio) for ratio in ratios} | {round(hidden / per_head)}
                for count in sorted(heads - {0}):
                    yield {"num_heads": count, "num_kv_heads": count}
            elif "num_heads" in fixed:
                yield {"num_heads": fixed["num_heads"], **({"num_kv_heads": kv} if grouped else {})}
            elif not grouped:
                yield {"num_heads": max(1, round(hidden / per_head))}
            else:
                step = lcm(kv, HEADS if most <= MANY_HEADS else 2 * HEADS)
                first = -(-int(max(least, kv)) // step) * step
                whole, rest = divmod(hidden, self.handles.head_dim)  # heads that fill the hidden size
                counts = {*range(first, int(most) + 1, step), *(() if rest or whole % kv else (whole,))}
                for count in sorted(counts):
                    yield {"num_heads": count, "num_kv_heads": kv}

    def _kv_heads(self) -> list[int]:
        """-1 stands for as many as heads."""
        if "num_kv_heads" in self.bounds.fixed:
            return [self.bounds.fixed["num_kv_heads"]]
        own, heads = self.handles.sizes["num_kv_heads"], self.handles.sizes["num_heads"]
        of_family = {int(member.kv_heads) for member in self.family if member.kv_heads}
        near = {own // 2, own, 2 * own, GROUPED} if own < heads else {1, GROUPED}
        return sorted({-1, *near, *(of_family - {own} if own == heads else of_family)} - {0})

    def _dense(self, hidden: int) -> Iterator[dict[Size, int]]:
        if "dense_width" not in self.handles.sizes:
            yield {}
        elif "dense_width" in self.bounds.fixed:
            yield {"dense_width": self.bounds.fixed["dense_width"]}
        else:
            sizes = self.handles.sizes
            step = self.bounds.multiple_of or FINE
            widths = {round(hidden * sizes["dense_width"] / sizes["hidden_size"] / step) * step, sizes["dense_width"]}
            for width in sorted(widths - {0}):
                yield {"dense_width": width}

    def _experts(self) -> Iterator[dict[Size, int]]:
        """As many as the family's members, or about a power of two."""
        if "experts" not in self.handles.sizes:
            yield {}
        elif "experts" in self.bounds.fixed:
            yield {"experts": self.bounds.fixed["experts"]}
        else:
            own = self.handles.sizes["experts"]
            of_family = {int(member.experts) for member in self.family if member.experts}
            plain = {2**power * step // 4 for power in range(2, 12) for step in EXPERT_STEPS}
            near = {count for count in plain if own <= count * FEWER and count <= own * FEWER}
            for count in sorted({own, own // 2, 2 * own, *near, *of_family} - {0}):
                yield {"experts": count}

    def _width_range(self, hidden: int) -> tuple[int, int]:
        """The least and the largest width for a hidden size."""
        if "width" not in self.handles.sizes:
            return 0, 0
        if "width" in self.bounds.fixed:
            return self.bounds.fixed["width"], self.bounds.fixed["width"]
        ratios = [member.width for member in self.family if member.width]
        step = self._width_step
        return (max(step, int(hidden * min(ratios) / RATIO) // step * step),
                max(step, -int(-hidden * max(ratios) * RATIO) // step * step))

    @property
    def _width_step(self) -> int:
        return self.bounds.multiple_of or (FINE if "experts" in self.handles.sizes else COARSE)

    def _widths(self, low: int, high: int, fixed: int, slope: int, amount: int, margin: float) -> range:
        """Widths whose shape lies within the margin."""
        if low == high:
            return range(low, low + 1)
        step = self._width_step
        first = max(low, -(-int(amount - margin - fixed) // slope // step) * step)
        last = min(high, int(amount + margin - fixed) // slope)
        return range(first, last + 1, step)
