"""What predicted times rest on: the class of measurements, its constants, how far it was off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.catalog.speed import older_release
from paramcalc.errors import Problem, UsageError

if TYPE_CHECKING:
    from paramcalc.catalog.accelerators import Accelerator
    from paramcalc.catalog.speed import SpeedClass
    from paramcalc.estimates.speed import Speed
    from paramcalc.estimates.speed_settings import SpeedSettings


def basis(speed: Speed) -> dict[str, object]:
    """What the figures of a device rest on."""
    kind: SpeedClass = speed.kind
    which = ("of repeated measurements of one configuration" if speed.spread == kind.within else
             "of configurations that were not fitted" if speed.spread == kind.inside else
             f"of devices that were not fitted, twice as wide: no device of {speed.device.vendor} was measured"
             if not kind.near(speed.device) else
             "of devices and models that were not fitted: this device was not measured" if kind.compared else
             "of models that were not fitted, twice as wide: one other device was measured")
    return {"class": kind.name, "constants": kind.constants.set_ones(), "records": kind.records,
            "median_error": kind.median_error, "p90_error": kind.p90_error,
            "range": f"10th to 90th percentile {which}", "dates": kind.dates, "sources": list(kind.sources)}


def release_meant(settings: SpeedSettings, moe: bool) -> str:
    """The release the figures are of; empty where measurements do not tell releases apart. Raises UsageError for one
    that was stated there."""
    older = older_release(settings.runtime, moe)
    if settings.release and not older:
        kind = "models of experts" if moe else "dense models"
        raise UsageError(Problem(f"--release has no effect: measurements of {settings.runtime} with {kind} are not "
                                 "told apart by release"))
    return settings.release or (f"after {older}; --release {older} for earlier ones" if older else "")


def unmeasured(runtime: str, device: Accelerator) -> UsageError:
    """Why there is no answer."""
    return UsageError(Problem(f"no measurement of {runtime} on {device.name} or similar devices is known",
                              hint="--measured tpot=12.5ms@8 calibrates the model with your own measurement"))
