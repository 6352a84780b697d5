"""From the settings of serving to a model made ready and an accelerator as a runtime uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.catalog.accelerators import accelerators, find_accelerator
from paramcalc.estimates.inference import Prepared, Setup
from paramcalc.estimates.machine import Machine
from paramcalc.estimates.runtimes import Runtime

if TYPE_CHECKING:
    from paramcalc.build import Model
    from paramcalc.estimates.settings import DeviceSettings, RuntimeSettings


def prepare(model: Model, settings: RuntimeSettings) -> Prepared:
    """The model, quantized and divided. Raises UsageError for settings that do not go together or do not apply."""
    runtime = Runtime(settings.runtime, settings.runtime_options)
    return Prepared(model, runtime, Setup(settings.dtype, settings.quant, settings.kv_dtype, settings.tp, settings.pp,
                                          settings.ep, settings.gpus, settings.imatrix))


def machine_of(settings: DeviceSettings, prepared: Prepared) -> Machine | None:
    """The accelerator named, as the runtime uses it; None where none is named."""
    if settings.gpu is None:
        return None
    device = find_accelerator(settings.gpu, settings.accelerators)
    return Machine(device, prepared.runtime, settings.share, prepared.devices)


def machines(settings: DeviceSettings, prepared: Prepared) -> list[Machine]:
    """Every accelerator of the catalog, and of the user's file, whose memory is known."""
    return [Machine(device, prepared.runtime, settings.share, prepared.devices)
            for device in accelerators(settings.accelerators).values() if device.capacity_bytes is not None]
