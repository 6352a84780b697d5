"""A device as a runtime uses it: what it has, how much of it may be used, and what is left for the cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.errors import Problem, UsageError

if TYPE_CHECKING:
    from paramcalc.catalog.accelerators import Accelerator
    from paramcalc.estimates.inference import Memory
    from paramcalc.estimates.pool import Pool
    from paramcalc.estimates.runtimes import Runtime


RESERVED = (1, 16)
"""Share of a device taken to be the driver's where no figure of the driver is known: as much as ECC and firmware take
of a T4 (15,360 of 16,384 MiB are left), the most of those that are known."""


class Machine:
    """An accelerator and the part of it that may be used."""

    def __init__(self, device: Accelerator, runtime: Runtime, utilization: tuple[int, int] | None = None,
                 devices: int = 1) -> None:
        """Raises UsageError where the device's memory is not known."""
        if device.capacity_bytes is None:
            raise UsageError(Problem(f"the memory of {device.name} is not known"))
        self.device, self.runtime, self.requested_share = device, runtime, utilization
        self.capacity: int = device.capacity_bytes
        numerator, denominator = utilization or runtime.utilization(self.capacity, devices)
        self.driver_reports = device.usable_bytes is not None
        reserved, of = (0, 1) if self.driver_reports else RESERVED
        available = self.capacity - self.capacity * reserved // of
        self.share = available * numerator // denominator
        self.usable = min(available, self.share + runtime.profile.graph_bytes)
        """Captured graphs come on top of the share a runtime is told to use."""

    def pool(self, memory: Memory) -> Pool | None:
        """The cache the runtime reserves on the device with the least room; None for runtimes that reserve none."""
        return self.runtime.reserved(memory, self.share)
