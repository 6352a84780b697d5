"""`fit --all`: on which accelerators of the catalog a model runs, by each runtime that can serve it there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from paramcalc.answers.answer import Answer, head
from paramcalc.answers.fit import Candidate, Point, RuntimeFit, contexts, need_of, row_of
from paramcalc.answers.memory import Size
from paramcalc.answers.runtime_choice import chosen, runtimes
from paramcalc.errors import PCError, Problem, UsageError
from paramcalc.estimates import fit as search
from paramcalc.estimates.effects import within_positions
from paramcalc.estimates.media import media_of
from paramcalc.estimates.runtimes import BOUND
from paramcalc.estimates.serving import machine_of, machines, unserved, why_not_served
from paramcalc.measures.certainty import Certainty

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paramcalc.build import Model
    from paramcalc.estimates.machine import Machine
    from paramcalc.estimates.settings import DeviceSettings, FitSettings
    from paramcalc.readers.models import Reading


class AcceleratorFit(NamedTuple):
    """The verdict on one accelerator of the catalog."""

    name: str
    device: str
    memory_bytes: int
    usable_bytes: int
    runtime: str
    """The first that fits, else the first that can serve the model, else the bound; keys beside `runtimes` and `curves`
    are its own."""
    fits: bool
    capacity: Size
    headroom: Size
    max_context: int
    max_batch: int
    contexts: tuple[Point, ...]
    runtimes: tuple[RuntimeFit, ...]
    curves: dict[str, tuple[Point, ...]]
    """Runtimes that can serve the model there to their verdicts at each context."""


@dataclass(frozen=True, kw_only=True)
class FitAll(Answer):
    """On which accelerators of the catalog a model runs."""

    command: ClassVar[str] = "fit"
    known: dict[str, Certainty]
    fits: bool
    accelerators: tuple[AcceleratorFit, ...]

    @property
    def failed(self) -> bool:
        """Whether it runs on none."""
        return not self.fits


def fit_all(reading: Reading, serving: FitSettings, device: DeviceSettings) -> FitAll:
    """The verdict on every accelerator of the catalog. Raises UsageError where no runtime can serve the model."""
    start = head(reading)
    model: Model = start["built"]
    serving, start["length"] = within_positions(serving, model.spec, media_of(serving, model.spec))
    names = runtimes(serving.runtime)
    catalog = _Catalog(model, serving, device, names)
    needs = catalog.needs
    if not needs:
        raise UsageError(unserved(catalog.problems))
    first = next(iter(needs.values()))
    rows = [catalog.on(machine.device.key) for machine in machines(device, first.prepared)]
    level: Certainty = "bound" if serving.runtime == BOUND else "estimate"
    start["warnings"] = (*start["warnings"], *first.media.notes)
    start["assumptions"] = {"contexts": list(contexts(serving, first.media)), "batch": serving.batch,
                            "runtimes": [name for name in needs if name != BOUND or len(names) == 1],
                            **first.media.summary()}
    return FitAll(**start, known={"fits": first.prepared.level("weights", "cache", "flops", at_best=level)},
                  fits=any(row.fits for row in rows), accelerators=tuple(rows))


class _Catalog:
    """What each runtime needs, worked out once, and the verdicts of memories, which many accelerators share."""

    def __init__(self, model: Model, serving: FitSettings, device: DeviceSettings, names: tuple[str, ...]) -> None:
        self.model, self.serving, self.device, self.names = model, serving, device, names
        self.needs: dict[str, search.Need] = {}
        self.problems: dict[str, Problem] = {}
        self._verdicts: dict[tuple[str, int], tuple[search.Fit, ...]] = {}
        for name in names:
            try:
                self.needs[name] = need_of(model, serving, name)
            except PCError as error:
                if len(names) == 1:
                    raise
                self.problems[name] = error.problems[0]

    def on(self, accelerator: str) -> AcceleratorFit:
        """The verdict on one accelerator, by its name."""
        candidates = list(self._candidates(self.device.model_copy(update={"gpu": accelerator})))
        best = chosen(each for each in candidates if each.verdicts)
        assert best is not None and best.machine is not None  # noqa: S101, PT018 - a runtime that needs something has both
        machine, last = best.machine, best.verdicts[-1]
        curves = {each.runtime: each.points for each in candidates if each.verdicts}
        return AcceleratorFit(
            machine.device.key, machine.device.name, machine.capacity, machine.usable, best.runtime, best.fits,
            Size(last.capacity), Size(last.headroom), last.max_context, last.max_batch, curves[best.runtime],
            tuple(map(row_of, candidates)), curves)

    def _candidates(self, device: DeviceSettings) -> Iterator[Candidate]:
        for name in self.names:
            if name in self.problems:
                yield Candidate(name, None, None, (), self.problems[name].message)
                continue
            need = self.needs[name]
            machine = machine_of(device, need.prepared)
            assert machine is not None  # noqa: S101 - the device is named
            why = why_not_served(name, self.model.spec, self.serving.quant, machine.device)
            if why and len(self.names) > 1:
                yield Candidate(name, None, None, (), why)
            else:
                yield Candidate(name, need, machine, self._fits(name, need, machine), why, need.prepared.lower_bound)

    def _fits(self, name: str, need: search.Need, machine: Machine) -> tuple[search.Fit, ...]:
        key = (name, machine.usable)
        if key not in self._verdicts:
            every = contexts(self.serving, need.media)
            self._verdicts[key] = tuple(search.fits(need, machine, every, self.serving.batch))
        return self._verdicts[key]
