"""The picture: a device's memory by part against its capacity, and against the context. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from importlib import import_module
from io import BytesIO
from typing import TYPE_CHECKING, Any

from paramcalc.atomic import write_atomic
from paramcalc.errors import Problem, UsageError
from paramcalc.numbers import many
from paramcalc.reports.memory import PARTS, fullest

if TYPE_CHECKING:
    from pathlib import Path

    from paramcalc.estimates.inference import Memory
    from paramcalc.estimates.machine import Machine

COLORS = dict(zip(PARTS, ("#4c78a8", "#f58518", "#54a24b", "#9d9da1"), strict=True))
SUFFIXES = (".svg", ".png")
POINTS = 48
GIB = 2**30


def draw(path: Path, name: str, memory: Memory, machine: Machine | None) -> None:
    """Write the picture. Raises UsageError where it cannot be drawn or written."""
    with saved(path, 2.2) as (figure, (left, right)):
        _bar(left, memory, machine)
        _curve(right, memory, machine)
        serving, runtime = memory.serving, memory.prepared.runtime.name
        devices = f", each of {many(memory.prepared.devices, 'device')}" if memory.prepared.devices > 1 else ""
        figure.suptitle(f"{name}: {runtime}, batch {serving.batch:,}{devices}")


@contextmanager
def saved(path: Path, ratio: float) -> Iterator[tuple[Any, tuple[Any, Any]]]:
    """A figure of two axes, the right one `wide` times the left, written when left. Raises UsageError."""
    with _written(path, lambda pyplot: pyplot.subplots(1, 2, figsize=(11, 4.5), width_ratios=(1, ratio),
                                                       layout="constrained")) as drawn:
        yield drawn


def _suffix(path: Path) -> str:
    return next(iter(get_close_matches(path.suffix.lower(), SUFFIXES, n=1)), SUFFIXES[0])


@contextmanager
def _written(path: Path, make: Callable[[Any], tuple[Any, Any]]) -> Iterator[tuple[Any, Any]]:
    if path.suffix not in SUFFIXES:
        raise UsageError(Problem(f"--plot {path}: a picture is one of {', '.join(SUFFIXES)}",
                                 hint=f"the nearest: {path.with_suffix(_suffix(path))}"))
    pyplot = _pyplot()
    figure, axes = make(pyplot)
    try:
        yield figure, axes
        picture = BytesIO()
        figure.savefig(picture, format=path.suffix[1:], dpi=150)
        write_atomic(path, picture.getvalue())
    finally:
        pyplot.close(figure)


@contextmanager
def figure(path: Path) -> Iterator[Any]:
    """A figure of one pair of axes, written when left. Raises UsageError."""
    with _written(path, lambda pyplot: pyplot.subplots(figsize=(9, 5.5), layout="constrained")) as (_, axes):
        yield axes


def _pyplot() -> Any:  # noqa: ANN401 - matplotlib is not there when types are checked
    try:
        matplotlib: Any = import_module("matplotlib")
    except ImportError as error:
        raise UsageError(Problem("--plot needs matplotlib", hint="pip install 'paramcalc[plot]'")) from error
    matplotlib.use("agg")
    matplotlib.rcParams["svg.hashsalt"] = "paramcalc"
    return import_module("matplotlib.pyplot")


def _bar(axes: Any, memory: Memory, machine: Machine | None) -> None:  # noqa: ANN401 - matplotlib's
    part, below = fullest(memory), 0
    for key in PARTS:
        size = getattr(part, key)
        axes.bar(0, size / GIB, bottom=below / GIB, width=0.6, color=COLORS[key], label=f"{key} {size / GIB:,.2f} GiB")
        below += size
    top = below
    if machine is not None:
        axes.axhline(machine.capacity / GIB, color="black", linewidth=1)
        axes.annotate(machine.device.name, (-0.3, machine.capacity / GIB), xytext=(0, 3), textcoords="offset points")
        if machine.usable < machine.capacity:
            axes.axhline(machine.usable / GIB, color="black", linewidth=1, linestyle=":")
        top = max(top, machine.capacity)
    axes.set(ylim=(0, 1.1 * top / GIB), xlim=(-0.6, 0.6), xticks=[], ylabel="GiB",
             title=f"context {memory.serving.context:,}")
    axes.legend(loc="upper center", fontsize="small", ncols=2, frameon=False, handlelength=1, columnspacing=1,
                bbox_to_anchor=(0.5, -0.02))


def _curve(axes: Any, memory: Memory, machine: Machine | None) -> None:  # noqa: ANN401 - matplotlib's
    serving, prepared = memory.serving, memory.prepared
    top = max(2 * serving.context, 16)
    contexts = sorted({max(1, top * step // POINTS) for step in range(1, POINTS + 1)})
    rows = [max(prepared.parts(serving._replace(context=context)), key=lambda part: part.total)
            for context in contexts]
    series = [[getattr(row, key) / GIB for row in rows] for key in PARTS]
    axes.stackplot(contexts, *series, colors=[COLORS[key] for key in PARTS])
    axes.axvline(serving.context, color="black", linewidth=0.8, linestyle="--")
    if machine is not None:
        axes.axhline(machine.usable / GIB, color="black", linewidth=1, linestyle=":")
        axes.annotate("usable", (contexts[0], machine.usable / GIB), xytext=(2, 3), textcoords="offset points")
    axes.set_xticks([top * eighth // 8 for eighth in range(1, 9)])
    axes.xaxis.set_major_formatter(lambda value, _: f"{value / 1024:g}k" if value >= 1024 else f"{value:g}")
    axes.set(xlim=(contexts[0], contexts[-1]), ylim=(0, None), xlabel="context, tokens", title="against the context")
    axes.grid(axis="y", alpha=0.3)
