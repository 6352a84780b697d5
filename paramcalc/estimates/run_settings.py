"""The settings of a training run: tokens, what is known of its speed, prices, energy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator, Field

from paramcalc.catalog.grids import find_grid
from paramcalc.catalog.training import run_share as usual_run_share
from paramcalc.catalog.training import usual_pue, usual_step_tokens
from paramcalc.defaults import TRAINING
from paramcalc.errors import Problem, UsageError
from paramcalc.estimates.effects import need
from paramcalc.estimates.training_settings import TrainingKeywords, TrainingSettings
from paramcalc.settings import Count, Decimal, Devices, option
from paramcalc.sizes import parse_share

if TYPE_CHECKING:
    from paramcalc.estimates.run import Terms

ALONE = ("mfu", "run_share", "price", "power", "pue", "grid")
"""Settings that have no effect without tokens."""
TRIED = ("tp", "pp", "dp", "ep", "cp", "zero", "zero_shards", "sequence_parallel", "recompute", "micro_batch",
         "micro_batches", "interleave", "schedule")
"""Settings of one layout: a search tries its own."""
TIMED = ("arithmetic", "overlap")
"""Settings of the time of a step."""


def _number(value: object) -> object:
    """A share as a fraction of exact digits, as a float."""
    return float(parse_share(value)) if isinstance(value, str | float | int) else value


Arithmetic = Literal["bf16", "fp8"]
Part = Annotated[float, BeforeValidator(_number), Field(gt=0, le=1)]


class RunSettings(TrainingSettings):
    """How much is trained, and what an hour of it takes."""

    tokens: Decimal | None = option(
        None, "Number of training tokens: 300B, 2T. Adds the time, energy and cost of the run.", metavar="TOKENS")
    mfu: Part | None = option(None, "Model FLOPs utilization while the run makes steps, counting all query-key pairs "
                                    "of attention: 0.41 or 41%. Replaces the estimated step time.", metavar="SHARE")
    run_share: Part | None = option(
        None, "Share of the run's time spent on training steps, the rest being restarts and evaluation; "
        f"{usual_run_share()[1]:g} when not given, 1 with --mfu.", metavar="SHARE")
    arithmetic: Arithmetic = option(
        TRAINING.arithmetic, "Arithmetic of weight matrix products, for the step time; fp8 leaves attention and the "
                             "output head in bf16.")
    overlap: bool | None = option(None, "Overlap the communication of tensor and expert parallelism with computation "
                                        "(DualPipe, Megatron-Core). When not given, only that of experts on several "
                                        "nodes overlaps, and none with --search.")
    price: Annotated[float, Field(gt=0, le=1e6)] | None = option(
        None, "Price of one device in USD per hour.", metavar="USD")
    power: Part | None = option(None, "Mean power draw as a share of the device's rated power.", metavar="SHARE")
    pue: Annotated[float, Field(ge=1, le=10)] | None = option(
        None, "Power usage effectiveness: energy of the data centre divided by that of its devices; "
        f"{usual_pue():g} when not given.")
    grid: str | None = option(
        None, "Carbon intensity in gCO2 per kWh, or a grid: france, us, world; "
        f"{find_grid(None).grams:g} when not given.", metavar="G")

    gpu: str | None = option(None, "Accelerator: h100; `paramcalc list gpus` lists the names.", metavar="NAME")
    gpus: Devices | None = option(None, "Number of devices; gives --dp where that is not given.")
    global_batch: Annotated[Count, Field(ge=1, le=2**30)] | None = option(
        None, "Number of sequences in a step, for --search and --tokens; as many as make "
              f"{usual_step_tokens() // 10**6}M tokens when not given.", metavar="N")
    accelerators: Path | None = option(None, "YAML file that defines additional accelerators.", metavar="FILE")

    def check(self, *, search: bool = False) -> None:
        """Raise UsageError for what has no effect on one layout, or with `search` on a search of them."""
        timed = search or self.terms() is not None
        if search and (one := [name for name in TRIED if self.is_set(name)]):
            raise UsageError(Problem(f"--{one[0].replace('_', '-')} has no effect with --search, which tries its own",
                                     hint="leave one of the two out"))
        need(self, ("micro_batches",), present=self.pp > 1 or self.tokens is not None or self.micro_batches == 1,
             what="--pp or --tokens", hint="--pp 4")
        need(self, TIMED, present=timed, what="--search or --tokens", hint="--tokens 2T")
        if self.global_batch is not None and not timed:
            raise UsageError(Problem("--global-batch has no effect without --search or --tokens", hint="--tokens 2T"))

    def terms(self) -> Terms | None:
        """What the run is asked for; None without tokens. Raises UsageError for what has no effect."""
        from paramcalc.estimates.run import Terms

        if self.tokens is None:
            lonely = [name for name in ALONE if getattr(self, name) is not None]
            if lonely:
                raise UsageError(Problem(f"--{lonely[0].replace('_', '-')} has no effect without --tokens",
                                         hint="--tokens 2T"))
            return None
        if self.mfu is not None and (timed := [name for name in TIMED if self.is_set(name)]):
            raise UsageError(Problem(f"--{timed[0]} has no effect with --mfu, which replaces the estimate of the step",
                                     hint="leave one of the two out"))
        if self.gpu is None:
            raise UsageError(Problem("--tokens needs --gpu NAME", hint="--gpu h100 --gpus 64 --tokens 2T"))
        if self.method != "sft":
            raise UsageError(Problem(f"the time of --method {self.method} is not known",
                                     hint="leave --tokens or --method out"))
        if self.global_batch is not None and self.micro_batches is not None:
            raise UsageError(Problem("--micro-batches and --global-batch set the same value",
                                     hint="leave one of the two out"))
        return Terms(self.tokens, self.mfu, self.run_share, self.price, self.power, self.pue,
                     find_grid(self.grid).grams)


class RunKeywords(TrainingKeywords, total=False):
    """`RunSettings` without `seq`, `tokens`, `gpu` and `gpus`, as keyword arguments."""

    mfu: float | str | None
    run_share: float | str | None
    arithmetic: Arithmetic
    overlap: bool | None
    price: float | None
    power: float | str | None
    pue: float | None
    grid: str | None
    global_batch: int | str | None
    accelerators: Path | None


class TrainKeywords(RunKeywords, total=False):
    """`RunSettings` without `seq`, as keyword arguments."""

    tokens: int | str | None
    gpu: str | None
    gpus: int | None
