"""`solve`: architectures of a given size, or of the compute-optimal size for a budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from paramcalc.answers.answer import Document, ModelName, hidden
from paramcalc.answers.comparison import row
from paramcalc.build import build
from paramcalc.catalog.scaling_laws import scaling_law
from paramcalc.errors import PCError, Problem, UsageError
from paramcalc.estimates.design.goals import Bounds, Budget, Goal
from paramcalc.estimates.design.handles import handles
from paramcalc.estimates.design.optimum import optimum_of_compute
from paramcalc.estimates.design.solve import Candidate
from paramcalc.estimates.design.solve import solve as solved
from paramcalc.estimates.design.solve_settings import LARGEST
from paramcalc.estimates.effects import within_positions
from paramcalc.estimates.serving import machine_of, prepare
from paramcalc.estimates.settings import DeviceSettings, ServingSettings
from paramcalc.measures.cache import Cache, Serving, exact, mixers
from paramcalc.measures.certainty import Certainty, size_certainty, why_bound
from paramcalc.measures.flops import Workload, flops
from paramcalc.measures.parameters import count
from paramcalc.measures.weights import weight_bytes
from paramcalc.numbers import short, typed_bytes
from paramcalc.readers.models import load
from paramcalc.readers.presets import presets
from paramcalc.readers.sources import reading_of
from paramcalc.settings import without_none
from paramcalc.sizes import resolution, typed_decimal
from paramcalc.spec.media import NO_MEDIA

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from paramcalc.estimates.design.handles import Size
    from paramcalc.estimates.design.solve_settings import SolveSettings
    from paramcalc.readers.models import Reading
    from paramcalc.spec.model import ModelSpec
    from paramcalc.tree import Node


@dataclass(frozen=True, kw_only=True)
class Solve(Document):
    """Candidates, best first; each is made by its `set` of the model it is like."""

    command: ClassVar[str] = "solve"
    model: ModelName
    """The model they are like."""
    bound: str = hidden(default="")
    """Why their sizes are lower bounds; empty where they are none."""
    candidates: tuple[Candidate, ...]
    known: dict[str, Certainty]
    warnings: tuple[str, ...] = ()
    assumptions: dict[str, object]


def solve(reading: Reading, settings: SolveSettings, changes: Sequence[str] = (), *, jobs: int = 1,
          progress: Callable[[int, int], None] | None = None) -> Solve:
    """Shapes like a model that is read, of the size that is asked for; sizes among `changes` are not varied. `jobs`
    processes look at once; `progress` is told (done, all)."""
    settings.check()
    spec = reading.spec
    goals, assumptions = _goals(settings)
    _check_active(spec, settings, goals)
    fixed, layers = _fixed(spec, changes)
    bounds = Bounds(settings.multiple_of, fixed, layers, settings.max_layers, budgets(spec, settings))
    best = solved(spec, _family(spec), goals, bounds, top=settings.top, keeps=_keeps(settings),
                  jobs=jobs, progress=progress)
    return Solve(model=ModelName(spec.name, spec.source or reading.source, spec.family or None),
                 candidates=tuple(best),
                 known={"candidates": size_certainty(spec)}, bound=why_bound(spec),
                 warnings=tuple(reading.warnings), assumptions=assumptions)


def _goals(settings: SolveSettings) -> tuple[list[Goal], dict[str, object]]:
    tolerance = float(settings.tolerance)
    if settings.compute is not None:
        law = scaling_law()
        size = round(optimum_of_compute(law, settings.compute).parameters)
        if size > LARGEST:
            raise UsageError(Problem(f"the compute-optimal size of {settings.compute:g} FLOP is {short(size)}, above "
                                     f"the {short(LARGEST)} that are looked for",
                                     hint=f"--params {typed_decimal(LARGEST)}"))
        terms = {"compute": settings.compute, "law": law.name, "parameters": size, "tolerance": tolerance}
        return [Goal(0, size, tolerance, max(1, round(size * tolerance)))], terms
    goals = []
    for measure, text in ((0, settings.params), (-1, settings.non_embedding), (1, settings.active)):
        if text is not None:
            amount, half = resolution(text)
            goals.append(Goal(measure, amount, tolerance, half))
    return goals, {"tolerance": tolerance}


def _check_active(spec: ModelSpec, settings: SolveSettings, goals: Sequence[Goal]) -> None:
    """Raise UsageError where all parameters and those of one token are asked for apart, and are the same."""
    if settings.active is not None and len(goals) > 1 and (counts := count(build(spec).tree)).active == counts.total:
        raise UsageError(Problem(f"--active has no effect: {spec.name} has no experts, a token visits all parameters",
                                 hint="leave it out, or give --like a mixture of experts"))


def _fixed(spec: ModelSpec, changes: Sequence[str]) -> tuple[dict[Size, int], int | None]:
    """Sizes a user has set, by where they stand, are not varied; nor is a number of layers."""
    at = {".".join(map(str, place.path)): (name, place.factor)
          for name, places in handles(spec).places.items() for place in places}
    fixed: dict[Size, int] = {}
    layers = None
    for change in changes:
        key, _, value = change.partition("=")
        if value.isdecimal() and key.rpartition(".")[2] == "num_layers":
            layers = int(value)
        elif value.isdecimal() and key in at:
            name, factor = at[key]
            fixed[name] = int(int(value) / factor)
    return fixed, layers


def _family(spec: ModelSpec) -> list[ModelSpec]:
    """Published models of the same family."""
    others = []
    for path in presets().values():
        if spec.family and f"family: {spec.family}\n" in path.read_text(encoding="utf-8"):
            try:
                others.append(load(str(path)).spec)
            except PCError:
                continue
    return others


def budgets(spec: ModelSpec, settings: SolveSettings) -> tuple[Budget, ...]:
    """What shapes like a model may cost, as sums over their blocks; of memory, weights and cache without the rest."""
    serving, device = _served(settings)
    prepared = prepare(build(spec), serving)
    serving, _ = within_positions(serving, spec, NO_MEDIA)
    load = Serving(serving.context, serving.batch, spec.source_tokens(serving.source))

    def cache(tree: Node) -> Cache:
        return exact(mixers(tree), load, prepared.cache_types)

    limits = []
    if (most := settings.max_cache_per_token) is not None:
        limits.append(Budget("--max-cache-per-token", lambda tree: cache(tree).per_token, most, typed_bytes))
    if (work := settings.flops_per_token) is not None:
        context = load.context
        workload = Workload(1, context, 0, load.encoder)
        limits.append(Budget("--flops-per-token", lambda tree: flops(tree, workload).forward,
                             (work + 1) * context - 1, lambda amount: str(amount // context)))
    if (machine := machine_of(device, prepared)) is not None:
        limits.append(Budget(f"--fits {settings.fits}, which has room for",
                             lambda tree: weight_bytes(tree, serving.dtype).total + cache(tree).bytes,
                             machine.usable, lambda amount: f"{amount / 2**30:,.1f} GiB"))
    return tuple(limits)


def _served(settings: SolveSettings) -> tuple[ServingSettings, DeviceSettings]:
    """Where and how a shape must fit."""
    gpu, _, context = (settings.fits or "").partition("@")
    chosen = {"context": context or None, "runtime": settings.runtime}
    return ServingSettings.of(without_none(**chosen)), DeviceSettings.of({"gpu": gpu or None})


def _keeps(settings: SolveSettings) -> Callable[[ModelSpec], bool] | None:
    """Whether a shape fits by its runtime; None where nothing is said to fit."""
    if settings.fits is None:
        return None
    serving, device = _served(settings)
    return lambda spec: row(reading_of(spec), serving, device).fits is not False
