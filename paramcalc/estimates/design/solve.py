"""Architectures of a given size in the shape of a model, each counted as it would be by itself."""

from __future__ import annotations

from bisect import bisect_left
from itertools import chain
from json import dumps
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

from paramcalc.build import build
from paramcalc.components.layout import MAX_LAYERS
from paramcalc.errors import PCError, Problem, UsageError
from paramcalc.estimates.design.form import Form, Shape, form
from paramcalc.estimates.design.handles import handles
from paramcalc.estimates.design.lattice import Lattice, Rated
from paramcalc.estimates.design.size_polynomial import size_polynomial
from paramcalc.estimates.design.structures import structures
from paramcalc.measures.parameters import count
from paramcalc.numbers import many

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from paramcalc.estimates.design.goals import Bounds, Goal
    from paramcalc.measures.parameters import Counts
    from paramcalc.spec.model import ModelSpec

ALIKE = 1.0
"""Distance from the family's shapes up to which one of another structure is looked for: four of five published models
of a family are as near to the others."""
ALTERNATIVES = 8
"""Shapes looked at for each that is asked for: some differ in heads only, some do not fit by their runtime."""


LIKELY = 1_000
"""Shapes among which another size is looked for."""
WIDER = (0.1, 1.0)
"""Distances within which the nearest size is looked for, where there is none within the one that is allowed."""
NAMES = {-1: "outside the tables", 0: "in all", 1: "active"}
"""What a goal's measure counts."""


class Candidate(NamedTuple):
    """A shape by what `--set` needs to make it of the model it is like."""

    total: int
    active: int
    difference: float
    """Of the size from the wanted one, as a share of it."""
    strangeness: float
    """From the shapes of the family: 0 for the same proportions."""
    set: dict[str, Any]
    """Whole numbers, lists where a shape or a stack's layers are written out, and settings of another structure."""

    @property
    def changes(self) -> list[str]:
        """What makes it, as `--set` takes it."""
        return [f"{key}={value if isinstance(value, str) else dumps(value)}" for key, value in self.set.items()]


class Origin(NamedTuple):
    """Where a shape is from."""

    lattice: Lattice
    changes: dict[str, Any]
    """What makes the structure of the model whose shape is followed; empty for its own."""


def family_forms(spec: ModelSpec, others: Iterable[ModelSpec]) -> list[Form]:
    """The shapes of models of one family that have the same sizes to vary as a model."""
    own = handles(spec)
    forms = []
    for other in others:
        try:
            theirs = handles(other)
        except PCError:
            continue
        if tuple(theirs.sizes) == tuple(own.sizes):
            shape = Shape(tuple(theirs.sizes.values()), theirs.layers)
            forms.append(form(tuple(theirs.sizes), shape, theirs.head_dim))
    return forms


def solve(
    spec: ModelSpec, family: Sequence[ModelSpec], goals: Sequence[Goal], bounds: Bounds, *, top: int,
    keeps: Callable[[ModelSpec], bool] | None = None, jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> list[Candidate]:
    """The best shapes, nearest in size and most like the family. `keeps` says whether what no polynomial says holds.
    `jobs` processes look at once; `progress` is told (done, all).

    Raises UsageError where no shape of the lattice is of that size, or none keeps the budgets.
    """
    lattice = _lattice(spec, family, bounds)
    rated = lattice.nearest(goals, top * ALTERNATIVES, jobs, progress)
    if not rated:
        _refuse_budgets(lattice)
        _refuse_layers(lattice, goals)
        raise UsageError(Problem(f"no shape like {spec.name} has {_goal_words(goals)} within "
                                 f"{goals[0].tolerance:.2%}", hint=_nearest(lattice, goals)))
    candidates: list[Candidate] = []
    limit = min(ALIKE, rated[0].score) if goals[0].resolution == 1 else 0.0
    for origin, each in chain(_of_that_size(spec, family, goals, bounds, limit, top, jobs) if limit else (),
                              ((Origin(lattice, {}), each) for each in lattice.unlike(rated, len(rated)))):
        if len(candidates) == top:
            break
        candidate = _counted(origin, each, goals[0], keeps)
        if candidate is not None:
            candidates.append(candidate)
    if not candidates:
        raise UsageError(Problem(f"none of the {len(rated):,} nearest shapes keeps the budgets",
                                 hint="raise a budget, or --tolerance"))
    return candidates


def _lattice(spec: ModelSpec, family: Sequence[ModelSpec], bounds: Bounds, limit: float = inf) -> Lattice:
    """Every shape near a model's and its family's."""
    own = handles(spec)
    polynomial = size_polynomial(own, [budget.measure for budget in bounds.budgets])
    return Lattice(own, polynomial, family_forms(spec, family), patterns_of(spec), bounds, limit=limit)


def _of_that_size(spec: ModelSpec, family: Sequence[ModelSpec], goals: Sequence[Goal], bounds: Bounds,
                  limit: float, top: int, jobs: int) -> list[tuple[Origin, Rated]]:
    """Shapes of the very size and of another structure that are as like the family, the most like it first."""

    def amounts(counts: Counts) -> tuple[int, ...]:
        return tuple(_amount(counts, goal) for goal in goals)

    best: list[tuple[Origin, Rated]] = []
    for structure in structures(spec, family, amounts):
        try:
            lattice = _lattice(structure.spec, family, bounds, limit)
        except PCError:
            continue
        rated = lattice.nearest(goals, top, jobs)
        best += [(Origin(lattice, structure.changes), each) for each in lattice.unlike(rated, top)]
    return sorted(best, key=lambda each: each[1].score)


def _refuse_budgets(lattice: Lattice) -> None:
    """Raise UsageError where shapes of that size are in the lattice, but none keeps the budgets."""
    budgets = list(zip(lattice.bounds.budgets, lattice.least, strict=True))
    for budget, least in budgets:
        if budget.most < least < inf:
            raise UsageError(Problem(f"no shape of that size keeps {budget.name} {budget.text(budget.most)}",
                                     hint=f"the least is {budget.text(int(least))}"))
    if any(least < inf for _, least in budgets):
        both = " and ".join(each.name for each, _ in budgets)
        raise UsageError(Problem(f"no shape of that size keeps {both} at once", hint="raise one of them"))


def _refuse_layers(lattice: Lattice, goals: Sequence[Goal]) -> None:
    """Raise UsageError where only deeper shapes are of that size."""
    bounds = lattice.bounds

    def there(layers: int | None) -> bool:
        deeper = bounds._replace(max_layers=layers)
        return Lattice(lattice.handles, lattice.polynomial, lattice.family, lattice.patterns, deeper).has(goals)

    if bounds.max_layers is not None and there(None):
        least = bisect_left(range(MAX_LAYERS), True, bounds.max_layers + 1, key=there)
        raise UsageError(Problem(f"no shape of that size has {many(bounds.max_layers, 'layer')} at most",
                                 hint=f"--max-layers {least}"))


def patterns_of(spec: ModelSpec) -> list[list[str]]:
    """Every layer's block, in order, of each stack."""
    return [[stack.children[index].label for index in stack.order]
            for stack in build(spec).tree.children if stack.order]


def _counted(origin: Origin, rated: Rated, goal: Goal, keeps: Callable[[ModelSpec], bool] | None) -> Candidate | None:
    """The shape, counted as a model; None where it cannot be built or breaks a budget."""
    own = origin.lattice.handles
    sizes = dict(zip(origin.lattice.polynomial.names, rated.shape.sizes, strict=True))
    try:
        spec = own.spec(sizes, rated.shape.layers)
        changes = own.changes(sizes, rated.shape.layers)
        if spec is None or changes is None:
            return None
        counts = count(build(spec).tree)
        if keeps is not None and not keeps(spec):
            return None
    except PCError:
        return None
    return Candidate(counts.total, counts.active, round(_amount(counts, goal) / goal.amount - 1, 9),
                     round(rated.strangeness, 4), origin.changes | changes)


def _amount(counts: Counts, goal: Goal) -> int:
    return {-1: counts.total - counts.embedding, 0: counts.total, 1: counts.active}[goal.measure]


def _goal_words(goals: Sequence[Goal]) -> str:
    amounts = [f"{goal.amount:,} parameters {NAMES[goal.measure] if goal.measure or goals[1:] else ''}".rstrip()
               for goal in goals]
    return " and ".join(amounts)


def _nearest(lattice: Lattice, goals: Sequence[Goal]) -> str:
    """The nearest size there is to the first that is asked for; of such a size, the nearest to the next."""
    first, *others = goals
    if others and (rated := lattice.nearest([first], LIKELY)):
        near = min((lattice.amount(each, others[0]) for each in rated), key=lambda has: abs(has - others[0].amount))
        return f"shapes of that size that are like it have {near:,} {NAMES[others[0].measure]} at the nearest"
    least, most = lattice.ends(first)
    if least == inf or (most == inf and first.amount >= least):
        return "give other sizes by --set, or another --like"
    for tolerance in WIDER if least < first.amount < most else ():
        if rated := lattice.by_size().nearest([first._replace(tolerance=tolerance, resolution=1)], 1):
            return f"the nearest has {lattice.amount(rated[0], first):,}"
    return f"the {'least' if first.amount < least else 'most'} is {least if first.amount < least else most:,}"
