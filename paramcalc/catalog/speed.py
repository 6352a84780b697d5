"""What runtimes reach of a device's bandwidth and peaks, by class of runtime, device and model.

`speed.json` holds constants fitted to published measurements, with how far they were off on configurations that were
not fitted. It is written by `python -m tests.speed.fit`; nothing in it is set by hand but what belongs to a class.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.catalog._data import read_table

if TYPE_CHECKING:
    from paramcalc.catalog.accelerators import Accelerator

RELEASE = re.compile(r"v?([0-9]{1,6})\.([0-9]{1,6})(?:[.-]?[0-9a-z]{1,20}){0,4}")


class Constants(NamedTuple):
    """What kernels, links and launches of a class reach; a class has at most five that are not the default."""

    bandwidth: float = 1.0
    """Share of the memory's bandwidth."""
    cache: float = 1.0
    """Share of that share at which a cache is read."""
    flops: float = 1.0
    """Share of the peak."""
    layer: float = 0.0
    """Seconds a layer takes beyond its bytes and FLOPs: launches."""
    experts: float = 0.0
    """Seconds a layer of experts takes beyond that: routing."""
    product: float = 0.0
    """Seconds a matrix product takes beyond that, and as long again a rounding of its input: launches."""
    hop: float = 0.0
    """Seconds a collective takes beyond its bytes."""
    sequence: float = 0.0
    """Seconds each sequence of a batch adds to a step: scheduling, sampling."""
    scheduling: float = 0.0
    """Seconds each sequence takes a host that works while the device computes."""
    prompt: float = 0.0
    """Seconds a prompt takes beyond its own step."""

    def set_ones(self) -> dict[str, float]:
        """Those that are not the default, in their own units: seconds, shares and factors."""
        return {name: value for name, value in self._asdict().items() if value != self._field_defaults[name]}


class Spread(NamedTuple):
    """Measured over expected: its 10th and 90th percentile."""

    low: float = 1.0
    high: float = 1.0
    middle: float = 1.0
    """The median, where the class is not centred."""

    def twice(self) -> Spread:
        """A spread with twice the width, in ratios: an assumption for devices of which none like them was left out of a
        fit."""
        return Spread(self.low**2, self.high**2, self.middle)


class SpeedClass(NamedTuple):
    """Measurements that share their constants."""

    name: str
    runtime: str
    models: str
    """`dense`, `moe`, or empty for both."""
    vendor: str
    kinds: tuple[str, ...]
    """Of devices; none are all of the vendor's."""
    also: tuple[str, ...]
    """Devices of other kinds that are built alike."""
    constants: Constants
    records: int
    configurations: int
    """Distinct model, device, runtime, format and tensor parallelism."""
    median_error: float
    """Of configurations that were not fitted, as p90_error."""
    p90_error: float
    mean_errors: tuple[float, ...]
    """In the mean, of configurations, of devices and of models that were not fitted."""
    inside: Spread
    """Of configurations that were not fitted."""
    outside: Spread
    """Of devices, or models where there is one device, that were not fitted."""
    within: Spread
    """Of rows against the median of their configuration: what is left once one measurement is known."""
    ttft: Spread | None
    """Of time to first token with few requests; None where none was measured."""
    devices: tuple[str, ...]
    dates: str
    sources: tuple[str, ...]
    until: str = ""
    """The last release measured, where later ones are a class of their own; empty for the newest."""

    def covers(self, device: Accelerator) -> bool:
        """Whether the class was measured on that device."""
        return device.key in self.devices

    def near(self, device: Accelerator) -> bool:
        """Whether devices of its vendor were measured."""
        from paramcalc.catalog.accelerators import accelerators

        devices = accelerators()
        return any(devices[key].vendor == device.vendor for key in self.devices)

    @property
    def compared(self) -> bool:
        """Whether several devices were measured, so that it is known how far one that was left out is off."""
        return len(self.devices) > 1

    def spread(self, device: Accelerator) -> Spread:
        """The range on that device."""
        if self.covers(device):
            return self.inside
        return self.outside if self.compared and self.near(device) else self.outside.twice()

    def serves(self, release: str) -> bool:
        """Whether the class is of that release; no release is the newest."""
        return not self.until or (release != "" and release_numbers(release) <= release_numbers(self.until))

    def suits(self, runtime: str, moe: bool, device: Accelerator) -> bool:
        """Whether the class is of that runtime, kind of model and device."""
        return (self.runtime == runtime and self.models in ("", "moe" if moe else "dense")
                and self.vendor in ("", device.vendor)
                and (not self.kinds or device.kind in self.kinds or device.key in self.also))


class PowerShare(NamedTuple):
    """Power drawn while serving, as a share of what the device may draw."""

    sequences: int
    """On one device, up to so many."""
    low: float
    expected: float
    high: float
    records: int


def release_numbers(release: str) -> tuple[int, int]:
    """The first two places of a release's number: (1, 1) for `1.1.0rc2`. Raises ValueError where there are none."""
    match = RELEASE.fullmatch(release)
    if match is None:
        raise ValueError(f"expected a release such as 0.11, found {release[:40]!r}")
    return int(match[1]), int(match[2])


def speed_class(runtime: str, moe: bool, device: Accelerator, release: str = "") -> SpeedClass | None:
    """The class of a runtime, device and model, older releases' where one is stated that they were measured with; None
    where nothing of the kind was measured."""
    return next((entry for entry in speed_classes() if entry.suits(runtime, moe, device) and entry.serves(release)),
                None)


def older_release(runtime: str, moe: bool) -> str:
    """The last release of an older class of a runtime and kind of model; empty where releases are not told apart."""
    return next((entry.until for entry in speed_classes()
                 if entry.until and entry.runtime == runtime and entry.models in ("", "moe" if moe else "dense")), "")


def by_measurement(runtime: str, device: Accelerator) -> SpeedClass:
    """A class without constants for what nobody measured: all it says comes from a measurement of one's own."""
    widest = Spread(min(entry.within.low for entry in speed_classes()),
                    max(entry.within.high for entry in speed_classes()))
    return SpeedClass(f"{runtime}, by your measurement", runtime, "", device.vendor, (), (), Constants(), 0, 0, 0.0,
                      0.0, (), widest, widest, widest, None, (device.key,), "", ())


@cache
def speed_classes() -> tuple[SpeedClass, ...]:
    """All classes, in the order of the table."""
    return tuple(_class(name, row) for name, row in read_table("speed.json")["speed"].items())


@cache
def power_shares() -> tuple[PowerShare, ...]:
    """Shares by load, the smallest first; the last has no limit."""
    return tuple(PowerShare(*row) for row in read_table("speed.json")["power"]["shares"])


def power_source() -> str:
    """Where the shares were measured."""
    return str(read_table("speed.json")["power"]["source"])


def _class(name: str, row: dict[str, object]) -> SpeedClass:
    values = dict(row)
    for field in ("inside", "outside", "within", "ttft"):
        spread = values.get(field)
        values[field] = Spread(*spread) if isinstance(spread, list) else None
    for field in ("kinds", "also", "devices", "sources", "mean_errors"):
        listed = values.get(field, [])
        values[field] = tuple(listed) if isinstance(listed, list) else ()
    constants = values.pop("constants")
    assert isinstance(constants, dict)  # noqa: S101 - a table of ours
    return SpeedClass(name=name, constants=Constants(**constants), **values)  # type: ignore[arg-type]
