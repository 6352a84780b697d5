"""Promises that need an estimate: does it fit on a device, what would a LoRA plan train."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.errors import Problem, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paramcalc.build import Model
    from paramcalc.spec.expect import Fits


def shortfall(model: Model, wanted: Fits) -> int:
    """Bytes the fullest device lacks; zero or less where it fits. The cache is what the mathematics needs."""
    from paramcalc.catalog.accelerators import find_accelerator
    from paramcalc.estimates.fit import Need, fit
    from paramcalc.estimates.inference import Prepared, Setup
    from paramcalc.estimates.machine import Machine
    from paramcalc.estimates.runtimes import Runtime

    runtime = Runtime("exact")
    setup = Setup(quant=wanted.quant, gpus=wanted.gpus)
    machine = Machine(find_accelerator(wanted.gpu), runtime)
    return -fit(Need(Prepared(model, runtime, setup)), machine, wanted.context, wanted.batch).headroom


def trainable(model: Model, rank: int, targets: Sequence[str]) -> int:
    """Parameters a LoRA of that rank on those modules trains: `rank·(in + out)` for each matrix a target names.

    Raises UsageError for a target that names none.
    """
    from paramcalc.measures.parameters import placed

    found = dict.fromkeys(targets, 0)
    for item in placed(model.tree):
        module = item.name.removesuffix(".weight")
        target = next((t for t in targets if module == t or module.endswith(f".{t}")), None)
        if target is not None and item.tensor.role == "matmul" and item.stored:
            found[target] += item.stored * rank * (item.tensor.shape[0] + item.tensor.shape[1])
    if idle := [target for target, size in found.items() if not size]:
        raise UsageError(Problem(f"LoRA targets {', '.join(idle)} match no matrix",
                                 hint="`count --by tensor` shows the names"))
    return sum(found.values())
