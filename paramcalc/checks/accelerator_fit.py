"""The promise that needs an estimate: does it fit on a device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.errors import PCError, Problem, UsageError

if TYPE_CHECKING:
    from paramcalc.build import Model
    from paramcalc.spec.expect import Fits


def shortfall(model: Model, promise: Fits) -> int:
    """Bytes the devices lack by the runtime that needs least, what the fullest lacks times the devices; zero or less
    where it fits.

    As `paramcalc fit` without `--runtime`: a lower bound is no verdict. Raises UsageError
    where no runtime serves the model, and where its sizes are no more than a lower bound.
    """
    from paramcalc.estimates.fit import Need, fit
    from paramcalc.estimates.serving import SERVERS, machine_of, prepare, unserved, why_not_served
    from paramcalc.estimates.settings import DeviceSettings, FitSettings

    serving = FitSettings.of({"quant": promise.quant, "gpus": promise.gpus})
    device = DeviceSettings.of({"gpu": promise.gpu})
    lacking: list[int] = []
    problems: dict[str, Problem] = {}
    for runtime in SERVERS:
        try:
            prepared = prepare(model, serving, runtime)
            machine = machine_of(device, prepared)
            assert machine is not None  # noqa: S101 - a promise names an accelerator
            if why := why_not_served(runtime, model.spec, promise.quant, machine.device):
                problems[runtime] = Problem(why)
                continue
            if prepared.lower_bound:
                problems[runtime] = Problem(f"only a lower bound is known: {prepared.lower_bound}")
                continue
            lacking.append(-fit(Need(prepared), machine, promise.context, promise.batch).headroom)
        except PCError as error:
            problems[runtime] = error.problems[0]
    if not lacking:
        raise UsageError(unserved(problems))
    return min(lacking)
