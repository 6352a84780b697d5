"""What training reaches of a device's peak and links, and what of a run's time and power is assumed.

Every row of `training.json` says where it is from: measured, fitted by `python -m tests.speed.fit_training`, or an
assumption that an option replaces.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

from paramcalc.catalog._data import read_table
from paramcalc.errors import Problem, UsageError

if TYPE_CHECKING:
    from paramcalc.catalog.accelerators import Accelerator

Range = tuple[float, float, float]


class Shares(NamedTuple):
    """What parts of a step reach of the peak of their arithmetic."""

    products: float
    """Of weights that every token visits."""
    experts: float
    """Of routed experts: products by groups, and the sorting of tokens around them."""
    plain: float
    """Of attention and the head, which are computed in bf16 whatever the rest is."""


class Attained(NamedTuple):
    """Shares of the peak that forward and backward reach while they compute: slow, expected, fast."""

    name: str
    shares: tuple[Shares, Shares, Shares]
    links: float
    """Of a link's bandwidth, what collectives between kernels reach."""
    records: int
    source: str

    @property
    def basis(self) -> str:
        """Where the shares are from: what was measured, or that they are an assumption."""
        return f"as measured: {self.name}, {self.source}" if self.records else self.source


class Communicators(NamedTuple):
    """Bytes that CUDA and NCCL take of a device, beside what the allocator of a framework knows of."""

    context: int
    """For CUDA's context."""
    pair: int
    """For a group of two devices."""
    group: int
    """For a larger one."""
    peer: int
    """For each other device of a node that an all-to-all reaches."""
    node: int
    """Devices of a node."""


class Network(NamedTuple):
    """What connects devices of different nodes."""

    node: int
    """Devices of a node."""
    bytes_per_second: float
    """Of one device's port."""


def attained(device: Accelerator, arithmetic: str) -> Attained:
    """The class of a device; the last one is for those that nobody measured. Raises UsageError for an arithmetic in
    which nobody measured training on that class."""
    rows = _table()["training"]
    row = next((row for row in rows if device.key in row["devices"]), rows[-1])
    figures = row.get(arithmetic)
    if figures is None:
        raise UsageError(Problem(f"no training of {device.name} in {arithmetic} was measured",
                                 hint="leave --arithmetic out"))
    columns = (figures["products"], figures["experts"], row["bf16"]["products"])
    slow, expected, fast = (Shares(*parts) for parts in zip(*columns, strict=True))
    return Attained(row["name"], (slow, expected, fast), row["links"], figures["records"], figures["source"])


def bulk_share() -> float:
    """The share of a link's or a port's bandwidth that long transfers beside computation reach."""
    return float(_table()["bulk"]["share"])


def network(device: Accelerator) -> Network:
    """The network behind a device."""
    nodes, links = _table()["nodes"], _table()["network"]
    return Network(nodes.get(device.key, nodes[""]), float(links["bytes_per_second"]))


def run_share() -> Range:
    """Share of the time of a run that is spent on steps that count: low, expected and high."""
    return _range("run_share")


def tuning(parameters: int) -> Range:
    """Share of the rate of tuned steps that the steps of whole published runs of models of that size reach."""
    rows = _table()["tuning"]["sizes"]
    low, expected, high = next(row["values"] for row in rows if parameters < row.get("below", inf))
    return low, expected, high


def power_share() -> Range:
    """Share of a device's rated power that it draws while training: low, expected and high."""
    return _range("power_share")


def reserved_over_allocated(devices: int) -> Fraction:
    """The ratio of what an allocator takes of a device to what is asked of it at the fullest moment."""
    return Fraction(str(_table()["reserved"]["one" if devices == 1 else "several"]))


def communicators() -> Communicators:
    """What CUDA and NCCL take of a device."""
    sizes = _table()["communicators"]
    return Communicators(sizes["context"], sizes["pair"], sizes["group"], sizes["peer"], _table()["nodes"][""])


def usual_pue() -> float:
    """The ratio of the energy of a data centre to that of its machines."""
    return float(_table()["pue"]["value"])


def usual_step_tokens() -> int:
    """Number of tokens in a training step where no batch is given."""
    return int(_table()["step_tokens"]["value"])


def _range(name: str) -> Range:
    low, expected, high = _table()[name]["values"]
    return low, expected, high


@cache
def _table() -> dict[str, Any]:
    return read_table("training.json")
