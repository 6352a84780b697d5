"""What devices send each other in one step, and over which link.

Tensor parallelism: two ring all-reduces a layer, each of `2(t − 1)/t` of the rows' bytes (arXiv:1909.08053). Experts
that replicas share: two all-to-alls a layer of experts, of the rows' bytes once for each expert chosen. Pipeline: the
rows once between stages. No overlap with computation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from paramcalc.errors import Problem, UsageError

if TYPE_CHECKING:
    from paramcalc.catalog.accelerators import Accelerator

LINKS = ("nvlink", "xgmi", "ici", "neuronlink", "hccs", "ub", "ethernet", "pcie", "thunderbolt", "usb4")
"""Kinds of link between devices, the one collectives take first."""


class Split(NamedTuple):
    """How devices share a served model."""

    tp: int = 1
    pp: int = 1
    ep: int = 1
    dp: int = 1
    """Replicas of attention, each with sequences of its own; they share experts where ep is larger than tp."""

    @property
    def devices(self) -> int:
        """Devices of all kinds of parallelism together."""
        return self.tp * self.pp * self.dp

    @property
    def sharing(self) -> int:
        """Replicas whose tokens meet in the same experts."""
        return max(1, self.ep // self.tp)

    @property
    def within(self) -> int:
        """Devices that share one expert's matrices."""
        return max(1, self.tp * self.sharing // self.ep)

    def problems(self) -> list[Problem]:
        """What does not go together."""
        if self.ep > 1 and (self.tp * self.sharing) % self.ep:
            return [Problem(f"ep {self.ep} and tp {self.tp}: one must divide the other")]
        if self.sharing > 1 and self.dp % self.sharing:
            return [Problem(f"ep {self.ep} spans {self.sharing} replicas, which do not divide dp {self.dp}",
                            hint=f"ep of at most tp × dp = {self.tp * self.dp}")]
        return []


class Sent(NamedTuple):
    """Of one device in one step."""

    bytes: float
    collectives: int


class Widths(NamedTuple):
    """What collectives depend on."""

    layers: float
    moe_layers: int
    top_k: int
    row: int
    """Bytes of a row of the hidden state."""


def sent(split: Split, widths: Widths, rows: float) -> Sent:
    """What each device sends in a step of so many rows."""
    size, collectives = 0.0, 0.0
    if split.tp > 1:
        size += 2 * widths.layers * 2 * (split.tp - 1) / split.tp * rows * widths.row
        collectives += 2 * widths.layers
    if split.sharing > 1:
        size += 2 * widths.moe_layers * rows * widths.top_k * widths.row * (split.ep - 1) / split.ep / split.tp
        collectives += 2 * widths.moe_layers
    if split.pp > 1:
        size += (split.pp - 1) * rows * widths.row
        collectives += split.pp - 1
    return Sent(size, round(collectives))


def bandwidth(device: Accelerator, split: Split) -> int:
    """One-way bytes a second between the devices. Raises UsageError where no link is known."""
    for kind in LINKS:
        if kind in device.links:
            return device.links[kind]
    raise no_link(device, split.devices)


def no_link(device: Accelerator, devices: int) -> UsageError:
    """The error where so many devices have to exchange data and none of their links is known."""
    return UsageError(Problem(f"no link of {device.name} is known{device.why_unknown('links')}, and {devices} of them "
                              "have to exchange data", hint="one device, or a file of accelerators with its links"))
