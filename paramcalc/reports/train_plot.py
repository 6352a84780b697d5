"""The picture of training memory: by part against the sequence length, and for each stage. Needs matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.reports.plot import GIB, saved
from paramcalc.reports.train import PARTS, conditions, shown

if TYPE_CHECKING:
    from pathlib import Path

    from paramcalc.estimates.training import Trainer
    from paramcalc.estimates.training_parts import Device
    from paramcalc.reports.train import Asked

SHADES = ("#4c78a8", "#72b7b2", "#b279a2", "#9d755d", "#54a24b", "#e45756", "#eeca3b", "#bab0ac", "#ff9da6")
COLORS = dict(zip(PARTS, SHADES, strict=True))
POINTS = 24


def draw(path: Path, name: str, trainer: Trainer, asked: Asked, devices: list[Device]) -> None:
    """Write the picture. Raises UsageError where it cannot be drawn or written."""
    with saved(path, 2) as (figure, (left, right)):
        _stages(left, devices, asked)
        _curve(right, trainer, asked)
        top = 1.05 * max(left.get_ylim()[1], right.get_ylim()[1])
        for axes in (left, right):
            axes.set_ylim(0, top)
        handles, labels = left.get_legend_handles_labels()
        figure.legend(handles[::-1], labels[::-1], loc="outside right center", frameon=False)
        figure.suptitle(f"{name}\n{conditions(asked)}", fontsize="medium")


def _stages(axes: Any, devices: list[Device], asked: Asked) -> None:  # noqa: ANN401 - matplotlib's
    places = [device.stage for device in devices]
    below = [0.0] * len(devices)
    for part in shown(devices):
        sizes = [getattr(device, part) / GIB for device in devices]
        axes.bar(places, sizes, bottom=below, color=COLORS[part], label=part.replace("_", " "))
        below = [under + size for under, size in zip(below, sizes, strict=True)]
    _line(axes, asked)
    axes.set(title=f"{asked.load.seq:,} tokens", ylabel="GiB a device", xlabel="stage", xticks=places)
    if len(devices) == 1:
        axes.set(xlabel="", xticks=[], xlim=(-1, 1))


def _curve(axes: Any, trainer: Trainer, asked: Asked) -> None:  # noqa: ANN401 - matplotlib's
    top = 2 * asked.load.seq
    lengths = sorted({max(1, top * step // POINTS) for step in range(POINTS + 1)})
    worst = [max(trainer.devices(asked.layout, asked.load._replace(seq=seq, source=seq), asked.policy),
                 key=lambda device: device.total) for seq in lengths]
    axes.stackplot(lengths, *([getattr(device, part) / GIB for device in worst] for part in shown(worst)),
                   colors=[COLORS[part] for part in shown(worst)])
    axes.axvline(asked.load.seq, color="black", linewidth=0.8, linestyle="--")
    _line(axes, asked)
    title = "the heaviest stage by tokens of a sequence" if asked.layout.pp > 1 else "by tokens of a sequence"
    ticks = sorted({max(1, top * step // 4) for step in range(5)})
    axes.set(title=title, xlim=(lengths[0], lengths[-1]))
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])


def _line(axes: Any, asked: Asked) -> None:  # noqa: ANN401 - matplotlib's
    if asked.gpu is not None:
        axes.axhline(asked.capacity / GIB, color="black", linewidth=1)
        axes.annotate(asked.gpu.name, (0.02, asked.capacity / GIB), xycoords=("axes fraction", "data"), xytext=(0, 3),
                      textcoords="offset points", fontsize="small")
