"""The picture of training memory: by part against the sequence length, and for each stage. Needs matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.answers.train import device_memory
from paramcalc.estimates.training_parts import PARTS
from paramcalc.reports.plot import GIB, saved
from paramcalc.reports.train import conditions, parts_of

if TYPE_CHECKING:
    from pathlib import Path

    from paramcalc.answers.train import Train

SHADES = ("#4c78a8", "#72b7b2", "#b279a2", "#9d755d", "#54a24b", "#e45756", "#eeca3b", "#bab0ac", "#ff9da6")
COLORS = dict(zip(PARTS, SHADES, strict=True))
POINTS = 24


def draw(path: Path, answer: Train) -> None:
    """Write the picture. Raises UsageError where it cannot be drawn or written."""
    with saved(path, 2) as (figure, (left, right)):
        _stages(left, answer)
        _curve(right, answer)
        top = 1.05 * max(left.get_ylim()[1], right.get_ylim()[1])
        for axes in (left, right):
            axes.set_ylim(0, top)
        handles, labels = left.get_legend_handles_labels()
        figure.legend(handles[::-1], labels[::-1], loc="outside right center", frameon=False)
        figure.suptitle(f"{answer.model.name}\n{conditions(answer)}", fontsize="medium")


def _stages(axes: Any, answer: Train) -> None:  # noqa: ANN401 - matplotlib's
    places = [device.stage for device in answer]
    below = [0.0] * len(answer)
    for part in parts_of(answer.per_device):
        sizes = [getattr(device, part) / GIB for device in answer]
        axes.bar(places, sizes, bottom=below, color=COLORS[part], label=part.replace("_", " "))
        below = [under + size for under, size in zip(below, sizes, strict=True)]
    _line(axes, answer)
    axes.set(title=f"{answer.plan.load.seq:,} tokens", ylabel="GiB a device", xlabel="stage", xticks=places)
    if len(answer) == 1:
        axes.set(xlabel="", xticks=[], xlim=(-1, 1))


def _curve(axes: Any, answer: Train) -> None:  # noqa: ANN401 - matplotlib's
    layout, load, policy = answer.plan.layout, answer.plan.load, answer.plan.policy
    top = 2 * load.seq
    lengths = sorted({max(1, top * step // POINTS) for step in range(POINTS + 1)})
    devices = answer.plan.trainer.devices
    worst = [device_memory(max(devices(layout, load._replace(seq=seq, source=seq), policy),
                               key=lambda device: device.total)) for seq in lengths]
    axes.stackplot(lengths, *([getattr(device, part) / GIB for device in worst] for part in parts_of(worst)),
                   colors=[COLORS[part] for part in parts_of(worst)])
    axes.axvline(load.seq, color="black", linewidth=0.8, linestyle="--")
    _line(axes, answer)
    title = "the heaviest stage by tokens of a sequence" if layout.pp > 1 else "by tokens of a sequence"
    ticks = sorted({max(1, top * step // 4) for step in range(5)})
    axes.set(title=title, xlim=(lengths[0], lengths[-1]))
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])


def _line(axes: Any, answer: Train) -> None:  # noqa: ANN401 - matplotlib's
    gpu = answer.plan.device
    if gpu is not None and answer.capacity is not None:
        room = answer.capacity.bytes / GIB
        axes.axhline(room, color="black", linewidth=1)
        axes.annotate(gpu.name, (0.02, room), xycoords=("axes fraction", "data"), xytext=(0, 3),
                      textcoords="offset points", fontsize="small")
