"""`fit`: whether a model runs on an accelerator, by each runtime that can serve it, and how far it would go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from paramcalc.answers.answer import head, hidden, json_key
from paramcalc.answers.drafts import draft_model
from paramcalc.answers.memory import Memory, Size, fields_of
from paramcalc.answers.runtime_choice import chosen, runtimes
from paramcalc.errors import PCError, Problem, UsageError
from paramcalc.estimates import fit as search
from paramcalc.estimates import inference
from paramcalc.estimates.effects import within_positions
from paramcalc.estimates.media import media_of
from paramcalc.estimates.runtimes import BOUND
from paramcalc.estimates.serving import (
    command_of,
    machine_of,
    prepare,
    unserved,
    why_not_served,
)
from paramcalc.measures.certainty import Certainty
from paramcalc.measures.header_certainty import cache_unknown
from paramcalc.numbers import binary

if TYPE_CHECKING:
    from paramcalc.build import Model
    from paramcalc.estimates.machine import Machine
    from paramcalc.estimates.settings import DeviceSettings, FitSettings
    from paramcalc.readers.models import Reading
    from paramcalc.spec.media import Media

FIGURES = ("fits", "capacity", "headroom", "max_context", "max_batch")
"""Keys of a verdict that rest on what is known of the model."""


class RuntimeFit(NamedTuple):
    """Whether a model fits by one runtime; no numbers where the runtime cannot serve it."""

    runtime: str
    fits: bool
    total: int | None
    """Bytes on the fullest device."""
    headroom: int | None
    max_context: int | None
    max_batch: int | None
    why: str | None
    """Why not, where it does not."""


class Remedy(NamedTuple):
    """A change that would make it fit."""

    option: str
    needed: int
    """Bytes on the fullest device then."""


class Point(NamedTuple):
    """The verdict at one context."""

    context: int
    needed_bytes: int
    fits: bool
    headroom_bytes: int
    max_batch: int


@dataclass(frozen=True, kw_only=True)
class Fit(Memory):
    """Whether a model runs on an accelerator: true where at least one runtime has room."""

    command: ClassVar[str] = "fit"
    known: dict[str, Certainty]
    fits: bool
    runtime: str
    """The first that fits, else the first that can serve the model; other keys are its own."""
    space: Size = json_key("capacity")
    room: Size = json_key("headroom")
    max_context: int
    max_batch: int
    serve: str = json_key("command")
    """The command line that serves it; empty where the runtime has none."""
    runtimes: tuple[RuntimeFit, ...]
    why_not: str | None
    remedies: tuple[Remedy, ...]
    trained_context: int | None
    curve: tuple[Point, ...] | None = None
    verdicts: tuple[search.Fit, ...] = hidden()

    @property
    def failed(self) -> bool:
        """Whether no runtime has room."""
        return not self.fits

    @property
    def headroom(self) -> int:
        """What is left on the fullest device, times the devices."""
        return self.room.bytes

    @property
    def capacity(self) -> int:
        """Usable bytes of all devices."""
        return self.space.bytes


class Candidate(NamedTuple):
    """One runtime with its verdicts, and why it cannot serve the model; without verdicts where others may."""

    runtime: str
    need: search.Need | None
    machine: Machine | None
    verdicts: tuple[search.Fit, ...]
    why: str
    bound: str = ""
    """Why what it needs is a lower bound of the model's sizes."""
    hint: str = ""
    """What to do about it, where it cannot serve the model."""

    @property
    def fits(self) -> bool:
        """Whether it is a runtime that serves the model and has room at the last context for all there is of it."""
        return bool(self.verdicts) and self._fits(self.verdicts[-1])

    @property
    def points(self) -> tuple[Point, ...]:
        """The verdicts at their contexts."""
        return tuple(Point(each.serving.context, each.needed, self._fits(each), each.headroom, each.max_batch)
                     for each in self.verdicts)

    def _fits(self, verdict: search.Fit) -> bool:
        return verdict.fits and self.runtime != BOUND and not self.bound and not self.why


def fit(reading: Reading, serving: FitSettings, device: DeviceSettings) -> Fit:
    """The verdict on one kind of device. Raises UsageError where nothing can serve the model."""
    start = head(reading)
    model: Model = start["built"]
    serving, start["length"] = within_positions(serving, model.spec, media_of(serving, model.spec))
    names = runtimes(serving.runtime)
    candidates = [_candidate(model, serving, device, name, alone=len(names) == 1) for name in names]
    best = chosen(each for each in candidates if each.verdicts)
    if best is None or best.need is None or best.machine is None:
        raise UsageError(unserved({each.runtime: Problem(each.why, hint=each.hint) for each in candidates
                                   if each.runtime != BOUND or len(candidates) == 1}))
    last = best.verdicts[-1]
    result = best.need.memory(last.serving)
    verdict = best.fits
    helps = [] if verdict else search.remedies(model, best.need, best.machine, last)
    if last.fits:  # what helps against too little room is no help against not knowing
        helps = []
    fields = fields_of(start, result, best.machine)
    level: Certainty = "bound" if best.runtime == BOUND else "estimate"
    figures = best.need.prepared.level("weights", "cache", "flops", at_best=level)
    return Fit(
        **fields, known=dict.fromkeys(FIGURES, figures),
        fits=verdict, runtime=best.runtime, space=Size(last.capacity), room=Size(last.headroom),
        max_context=last.max_context, max_batch=last.max_batch,
        serve=command_of(best.machine, model.spec, serving, best.need.prepared, last.serving.context),
        runtimes=tuple(map(row_of, candidates)), why_not=None if verdict else _why(result, last, best),
        remedies=tuple(Remedy(*remedy) for remedy in helps), trained_context=model.spec.max_position_embeddings,
        curve=best.points if len(best.verdicts) > 1 else None, verdicts=best.verdicts)


def unknown_cache(model: Model) -> None:
    """Raise UsageError where it is not known what the model keeps between tokens."""
    if why := cache_unknown(model):
        raise UsageError(Problem(f"{why} what is kept between tokens",
                                 hint="fit the config.json beside it; `paramcalc memory` takes the weights alone"))


def need_of(model: Model, serving: FitSettings, runtime: str) -> search.Need:
    """What a runtime needs at any load. Raises UsageError where that is not known, or the settings cannot be."""
    unknown_cache(model)
    prepared = prepare(model, serving, runtime, draft_model(serving))
    return search.Need(prepared, serving.source, media_of(serving, model.spec))


def contexts(serving: FitSettings, media: Media) -> tuple[int, ...]:
    """Tokens of each sequence, those of its pictures and recordings among them."""
    return tuple(media.sequence(context) for context in serving.context)


def _candidate(model: Model, serving: FitSettings, device: DeviceSettings, runtime: str, *, alone: bool) -> Candidate:
    """One runtime's verdicts; why it has none, unless it is the only one asked for."""
    try:
        need = need_of(model, serving, runtime)
        machine = machine_of(device, need.prepared)
        assert machine is not None  # noqa: S101 - `fit` asks for an accelerator
        why = why_not_served(runtime, model.spec, serving.quant, machine.device)
        if why and not alone:
            return Candidate(runtime, None, None, (), why)
        verdicts = search.fits(need, machine, contexts(serving, need.media), serving.batch)
        return Candidate(runtime, need, machine, tuple(verdicts), why, need.prepared.lower_bound)
    except PCError as error:
        problem = error.problems[0]
        if alone or problem.source:  # a file that somebody named
            raise
        return Candidate(runtime, None, None, (), problem.message, hint=problem.hint)


def row_of(candidate: Candidate) -> RuntimeFit:
    """What is said of a runtime, with the reason where it does not fit."""
    if not candidate.verdicts or candidate.need is None:
        return RuntimeFit(candidate.runtime, False, None, None, None, None, f"cannot serve it: {candidate.why}")
    last = candidate.verdicts[-1]
    why = None if candidate.fits else _why(candidate.need.memory(last.serving), last, candidate)
    return RuntimeFit(candidate.runtime, candidate.fits, last.needed, last.headroom, last.max_context, last.max_batch,
                      why)


def _why(result: inference.Memory, verdict: search.Fit, candidate: Candidate) -> str:
    """The part that stands in the way: the weights by themselves, else what comes on top."""
    if verdict.fits and candidate.why:
        return candidate.why
    if verdict.fits and candidate.bound:
        return f"only a lower bound fits: {candidate.bound}"
    if verdict.fits:
        return "only the lower bound fits; a verdict needs a runtime that serves the model"
    part = max(result.stages, key=lambda stage: stage.total)
    if part.weights > verdict.usable:
        return f"weights alone take {binary(part.weights)} of {binary(verdict.usable)} usable on a device"
    rest = {"cache": part.cache, "activations": part.activations, "overhead": part.overhead}
    most = max(rest, key=lambda name: rest[name])
    return (f"{binary(verdict.needed - verdict.usable)} too much on a device: beside {binary(part.weights)} of "
            f"weights, {most} takes {binary(rest[most])}")
