"""`fit --quant all`: a row for each format a runtime takes, the largest that fits first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from paramcalc.answers.answer import Answer, head
from paramcalc.answers.fit import contexts, need_of
from paramcalc.errors import PCError, Problem, UsageError
from paramcalc.estimates import fit as search
from paramcalc.estimates.effects import within_positions
from paramcalc.estimates.media import media_of
from paramcalc.estimates.runtimes import profile_of
from paramcalc.estimates.serving import SERVERS, machine_of, unserved, why_not_served
from paramcalc.measures.certainty import Certainty, of_model
from paramcalc.measures.parameters import count
from paramcalc.transforms.gguf_mix import DEFAULT, WIDER

if TYPE_CHECKING:
    from paramcalc.build import Model
    from paramcalc.estimates.settings import DeviceSettings, FitSettings
    from paramcalc.readers.models import Reading

ALL = "all"


class FormatFit(NamedTuple):
    """The verdict on one format by one runtime."""

    runtime: str
    quant: str
    bits_per_weight: float
    """Bits of the whole model's weights over its parameters, scales and what stays wider included."""
    weights: int
    """Bytes, of all devices."""
    fits: bool
    total: int
    """Bytes on the fullest device."""
    headroom: int
    """Bytes left on the fullest device, times the devices."""
    max_context: int
    max_batch: int


@dataclass(frozen=True, kw_only=True)
class FitFormats(Answer):
    """In which formats a model runs on an accelerator."""

    command: ClassVar[str] = "fit"
    known: dict[str, Certainty]
    fits: bool
    device: str
    devices: int
    formats: tuple[FormatFit, ...]

    @property
    def failed(self) -> bool:
        """Whether it fits in none."""
        return not self.fits


def fit_formats(reading: Reading, serving: FitSettings, device: DeviceSettings, *, alone: bool = True) -> FitFormats:
    """The verdict on every format, by the runtime that is named or by vLLM and llama.cpp.

    Raises UsageError where nothing can serve the model, and for what has no effect: several devices or contexts, and
    anything else that is said beside them (not `alone`).
    """
    if not alone or len(serving.context) > 1 or "," in (device.gpu or ","):
        raise UsageError(Problem("--quant all takes one device and one context: --all, --ram, --plot, several names in "
                                 "--gpu and several contexts have no effect", hint="--quant q4_k_m"))
    start = head(reading)
    model: Model = start["built"]
    serving, start["length"] = within_positions(serving, model.spec, media_of(serving, model.spec))
    rows: list[FormatFit] = []
    devices = 1
    problems: dict[str, Problem] = {}
    for runtime in (serving.runtime,) if serving.runtime else _first_of_each():
        profile = profile_of(runtime)
        for name in (*profile.formats, *((*DEFAULT, *WIDER) if profile.mixes else ())):
            try:
                if served := _row(model, serving.model_copy(update={"quant": name}), device, runtime):
                    devices, row = served
                    rows.append(row)
            except PCError as error:  # the format does not hold these shapes, or the runtime not this model
                problems[runtime] = error.problems[0]
    if not rows:
        raise UsageError(unserved(problems))
    rows.sort(key=lambda row: (not row.fits, -row.weights))
    return FitFormats(**start, known={"fits": of_model(model.spec, "cache", at_best="estimate")},
                      fits=any(row.fits for row in rows), device=str(device.gpu), devices=devices, formats=tuple(rows))


def _first_of_each() -> tuple[str, ...]:
    """The first runtime that reads checkpoints and the first that reads GGUF files."""
    first: dict[bool, str] = {}
    for name in SERVERS:
        first.setdefault(profile_of(name).gguf, name)
    return tuple(first.values())


def _row(
    model: Model, serving: FitSettings, device: DeviceSettings, runtime: str,
) -> tuple[int, FormatFit] | None:
    """The devices and the verdict on them; None where the runtime or the device has no use for the format."""
    need = need_of(model, serving, runtime)
    machine = machine_of(device, need.prepared)
    if machine is None or why_not_served(runtime, model.spec, serving.quant, machine.device):
        return None
    verdict = search.fit(need, machine, contexts(serving, need.media)[-1], serving.batch)
    weights = need.prepared.on_disk
    fits = verdict.fits and not need.prepared.lower_bound
    return verdict.devices, FormatFit(
        runtime, str(serving.quant), round(8 * weights / count(model.tree).total, 3), weights, fits, verdict.needed,
        verdict.headroom, verdict.max_context, verdict.max_batch)
