"""The promise that needs an estimate: does it fit on a device."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from paramcalc.build import Model
    from paramcalc.spec.expect import Fits


def shortfall(model: Model, promise: Fits) -> int:
    """Bytes the fullest device lacks; zero or less where it fits. The cache is what the mathematics needs."""
    from paramcalc.catalog.accelerators import find_accelerator
    from paramcalc.defaults import SERVING
    from paramcalc.estimates.fit import Need, fit
    from paramcalc.estimates.inference import Prepared, Setup
    from paramcalc.estimates.machine import Machine
    from paramcalc.estimates.runtimes import Runtime

    runtime = Runtime(SERVING.runtime)
    setup = Setup(quant=promise.quant, gpus=promise.gpus)
    machine = Machine(find_accelerator(promise.gpu), runtime)
    return -fit(Need(Prepared(model, runtime, setup)), machine, promise.context, promise.batch).headroom
