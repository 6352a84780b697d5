"""`train --search`: layouts that fit, the fastest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from paramcalc.activations.policy import Recompute
from paramcalc.answers.answer import Answer, head, hidden
from paramcalc.answers.train import DeviceMemory, device_memory
from paramcalc.answers.train_run import RunFigures, rounded, run_figures
from paramcalc.catalog.accelerators import Accelerator
from paramcalc.errors import Problem, UsageError
from paramcalc.estimates.effects import within_positions
from paramcalc.estimates.figure import Figure
from paramcalc.estimates.media import media_of
from paramcalc.estimates.training_plan import device_of, fitting
from paramcalc.measures.certainty import Certainty, of_model, size_certainty, why_bound
from paramcalc.transforms.lora import trainable_parameters

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramcalc.build import Model
    from paramcalc.estimates.layouts import Candidate
    from paramcalc.estimates.run import TrainingRun
    from paramcalc.estimates.run_settings import RunSettings
    from paramcalc.readers.models import Reading

RANKED = ("expected tokens per second; within 1%, the least parallelism, then the least recomputation, then "
          "headroom")


@dataclass(frozen=True, kw_only=True)
class LayoutRow(DeviceMemory):
    """A layout that fits, with the bytes of its heaviest device and its speed."""

    tp: int
    pp: int
    dp: int
    ep: int
    cp: int
    zero: int
    recompute: Recompute
    micro_batch: int
    headroom: int
    """Bytes."""
    tokens_per_second: float
    """Expected, of all devices."""
    step_seconds: Figure
    micro_batches: int | None
    run: RunFigures | None = None
    """With tokens."""


@dataclass(frozen=True, kw_only=True)
class TrainSearch(Answer):
    """Layouts of all devices that fit, the fastest first."""

    command: ClassVar[str] = "train"
    tried: int
    """Layouts that were looked at."""
    fitting: int
    """Ways to divide the devices that fit, of which `layouts` are the first."""
    layouts: tuple[LayoutRow, ...]
    trainable: int
    known: dict[str, Certainty]
    gpu: Accelerator = hidden()
    bound: str = hidden(default="")
    """Why what layouts need is a lower bound of the model's sizes; empty where it is not."""

    @property
    def failed(self) -> bool:
        """Whether nothing fits, as far as that is known."""
        return not self.fitting or bool(self.bound)


def train_search(
    reading: Reading, settings: RunSettings, top: int | None = None,
    tick: Callable[[int, int, int], None] = lambda completed, total, tried: None,
) -> TrainSearch:
    """The first `top` layouts of `settings.gpus` devices, all where it is None.

    `tick` is called with plans done, plans in all and layouts tried. Raises UsageError without a device and a number
    of them.
    """
    start = head(reading)
    model: Model = start["built"]
    gpu = device_of(settings)
    if gpu is None:
        raise UsageError(Problem("--search needs --gpu NAME and --gpus N", hint="--gpu h100 --gpus 256 --search"))
    settings, start["length"] = within_positions(settings, model.spec, media_of(settings, model.spec))
    candidates, tried, runs = fitting(model, settings, settings.terms(), tick)
    rows = tuple(_row(one, None if runs is None else runs[index]) for index, one in enumerate(candidates[:top]))
    estimate = of_model(model.spec, "weights", "flops", at_best="estimate")
    return TrainSearch(
        **start | {"assumptions": {"seq": settings.seq, "gpu": gpu.key, "capacity_bytes": gpu.capacity_bytes,
                                   "ranked_by": RANKED}},
        tried=tried, fitting=len(candidates), layouts=rows, trainable=trainable_parameters(model.tree),
        known={"layouts": estimate, "trainable": size_certainty(model.spec)}, gpu=gpu,
        bound=why_bound(model.spec, "weights", "flops"))


def _row(one: Candidate, run: TrainingRun | None) -> LayoutRow:
    layout, rate = one.layout, one.step.over(one.tokens)
    return LayoutRow(
        **vars(device_memory(one.heaviest)), tp=layout.tp, pp=layout.pp, dp=layout.dp, ep=layout.ep, cp=layout.cp,
        zero=layout.zero, recompute=one.recompute, micro_batch=one.micro_batch, headroom=one.headroom,
        tokens_per_second=float(f"{rate.expected:.6g}"), step_seconds=rounded(one.step),
        micro_batches=layout.micro_batches, run=None if run is None else run_figures(run))
