"""`solve`: architectures of a wanted size, or of the compute-optimal size of a budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from paramcalc.answers.answer import Document, ModelName, hidden
from paramcalc.catalog.scaling_laws import scaling_law
from paramcalc.errors import PCError
from paramcalc.estimates.design.lattice import Bounds, Goal
from paramcalc.estimates.design.optimum import optimum_of_compute
from paramcalc.estimates.design.solve import Candidate
from paramcalc.estimates.design.solve import solve as solved
from paramcalc.measures.known import Known, sizes_known, why_bound
from paramcalc.readers.models import load
from paramcalc.readers.presets import presets
from paramcalc.sizes import resolution

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from paramcalc.estimates.design.handles import Size
    from paramcalc.estimates.design.solve_settings import SolveSettings
    from paramcalc.readers.models import Loaded
    from paramcalc.spec.model import ModelSpec


@dataclass(frozen=True, kw_only=True)
class Solve(Document):
    """Candidates, best first; each is made by its `set` of the model it is like."""

    command: ClassVar[str] = "solve"
    model: ModelName
    """The model they are like."""
    bound: str = hidden(default="")
    """Why their sizes are lower bounds; empty where they are none."""
    candidates: tuple[Candidate, ...]
    known: dict[str, Known]
    warnings: tuple[str, ...] = ()
    assumptions: dict[str, object]


def solve(loaded: Loaded, settings: SolveSettings, changes: Sequence[str] = ()) -> Solve:
    """Shapes like a model that is read, of the size that is asked for; sizes among `changes` are not varied."""
    settings.check()
    spec = loaded.spec
    goals, assumptions = _goals(settings)
    fixed, layers = _fixed(changes)
    bounds = Bounds(settings.multiple_of, fixed, layers, settings.max_layers)
    best = solved(spec, _family(spec), goals, bounds, top=settings.top, keeps=_keeps(settings))
    return Solve(model=ModelName(spec.name, spec.source or loaded.source, spec.family or None),
                 candidates=tuple(best),
                 known={"candidates": sizes_known(spec)}, bound=why_bound(spec),
                 warnings=tuple(loaded.warnings), assumptions=assumptions)


def _goals(settings: SolveSettings) -> tuple[list[Goal], dict[str, object]]:
    tolerance = float(settings.tolerance)
    if settings.compute is not None:
        law = scaling_law()
        size = round(optimum_of_compute(law, settings.compute).parameters)
        terms = {"compute": settings.compute, "law": law.name, "parameters": size, "tolerance": tolerance}
        return [Goal(0, size, tolerance, max(1, round(size * tolerance)))], terms
    goals = []
    for measure, text in ((0, settings.params), (-1, settings.non_embedding), (1, settings.active)):
        if text is not None:
            amount, half = resolution(text)
            goals.append(Goal(measure, amount, tolerance, half))
    return goals, {"tolerance": tolerance}


def _fixed(changes: Sequence[str]) -> tuple[dict[Size, int], int | None]:
    """Sizes a user has set are not varied."""
    names: dict[str, Size] = {"intermediate_size": "width", "hidden_size": "hidden_size", "num_heads": "num_heads",
                              "num_kv_heads": "num_kv_heads", "experts": "experts"}
    fixed: dict[Size, int] = {}
    layers = None
    for change in changes:
        key, _, value = change.partition("=")
        if value.isdecimal():
            last = key.rpartition(".")[2]
            if last == "num_layers":
                layers = int(value)
            elif last in names:
                fixed[names[last]] = int(value)
    return fixed, layers


def _family(spec: ModelSpec) -> list[ModelSpec]:
    """Published models of the same family."""
    others = []
    for name, path in presets().items():
        if spec.family and f"family: {spec.family}\n" in path.read_text(encoding="utf-8"):
            try:
                others.append(load(name).spec)
            except PCError:
                continue
    return others


def _keeps(settings: SolveSettings) -> Callable[[ModelSpec], bool] | None:
    """Whether a shape keeps the budgets; None where there are none."""
    if settings.max_cache_per_token is None and settings.flops_per_token is None and settings.fits is None:
        return None
    from paramcalc.answers.comparison import row
    from paramcalc.estimates.settings import DeviceSettings, ServingSettings
    from paramcalc.readers.sources import loaded_of

    gpu, _, context = (settings.fits or "").partition("@")
    serving = {"context": context} if context else {}
    device = DeviceSettings.of({"gpu": gpu or None})
    settings_of_fit = ServingSettings.of(serving | ({"runtime": settings.runtime} if settings.runtime else {}))

    def keeps(spec: ModelSpec) -> bool:
        cost = row(loaded_of(spec), settings_of_fit, device)
        cache, flops = cost.cache_bytes_per_token or 0, cost.flops_per_token or 0
        return (cost.fits is not False
                and (settings.max_cache_per_token is None or cache <= settings.max_cache_per_token)
                and (settings.flops_per_token is None or flops <= settings.flops_per_token))

    return keeps

