"""What a user may say of a planned training run."""

from __future__ import annotations

from math import isfinite, nan
from pathlib import Path
from typing import Annotated, Literal, TypedDict

from pydantic import BeforeValidator, Field

from paramcalc.errors import Problem, UsageError
from paramcalc.estimates.design.law_fit import RESAMPLES
from paramcalc.estimates.design.outlook import MFU
from paramcalc.settings import Decimal, Devices, Settings, Share, option
from paramcalc.sizes import ROUGH, NearMissError

LawName = Literal["besiroglu", "hoffmann", "kaplan", "krajewski", "muennighoff"]
LEAST_FLOP, MOST_FLOP = 1.0, 1e40


def _flop(value: str | float) -> float:
    """1e22. Raises ValueError for what is no positive number."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = nan
    if not (isfinite(number) and LEAST_FLOP <= number <= MOST_FLOP):
        rough = ROUGH.match(str(value).strip())
        near = min(max(float(rough[1].replace(",", ".")), LEAST_FLOP), MOST_FLOP) if rough else nan
        raise NearMissError(f"{str(value)[:40]!r} is not a number of FLOP from 1 to 1e40, such as 1e22",
                       f"{near:g}".replace("e+", "e") if rough else "")
    return number


Flop = Annotated[float, BeforeValidator(_flop)]
"""Floating point operations: 1e22."""


class ScalingSettings(Settings):
    """What a run is planned by, and what its law is."""

    tokens: Decimal | None = option(None, "Number of training tokens: 300B, 15T.", metavar="N")
    compute: Flop | None = option(None, "Training compute in FLOP: 1e22.", metavar="FLOP")
    loss: Annotated[float, Field(ge=0.01, le=100)] | None = option(
        None, "Target loss in nats per token, on the law's own corpus.", metavar="NATS")
    gpu: str | None = option(None, "Accelerator to train on: h100; with --gpus and --days.", metavar="NAME")
    gpus: Devices | None = option(None, "Number of accelerators.", metavar="N")
    days: Annotated[float, Field(ge=0.01, le=36500)] | None = option(None, "Days of training.", metavar="N")
    mfu: Share | None = option(None, f"Model FLOPs utilization: 0.41 or 41%; {MFU} when not given.",
                               metavar="SHARE")
    law: LawName = option("besiroglu", "Scaling law.")
    inference_tokens: Decimal | None = option(
        None, "Number of tokens to serve; adds the size with the least compute for training and inference together.",
        metavar="N")
    unique_tokens: Decimal | None = option(
        None, "Number of unique training tokens; the rest are repetitions.", metavar="N")
    fit: Path | None = option(None, "CSV file of training runs to fit a law to, with the columns parameters, tokens "
                                    "(or compute) and loss.", metavar="FILE")
    resamples: Annotated[int, Field(ge=0, le=10_000)] | None = option(
        None, f"Number of bootstrap resamples for the intervals of --fit; {RESAMPLES} when not given.", metavar="N")

    def check(self) -> None:
        """Raise UsageError for settings that do not go together or have no effect."""
        targets = [name for name in ("tokens", "compute", "loss", "gpu") if getattr(self, name) is not None]
        if len(targets) > 1:
            raise UsageError(Problem(f"--{targets[0]} and --{targets[1]} both set the size of the run",
                                     hint="give one of --tokens, --compute, --loss and --gpu"))
        if self.gpu is not None and (self.gpus is None or self.days is None):
            missing = "--gpus" if self.gpus is None else "--days"
            raise UsageError(Problem(f"--gpu needs {missing}", hint="--gpu h100 --gpus 64 --days 14"))
        for name in ("gpus", "days", "mfu"):
            if self.gpu is None and getattr(self, name) is not None:
                raise UsageError(Problem(f"--{name} has no effect without --gpu", hint="--gpu h100"))
        if self.resamples is not None and self.fit is None:
            raise UsageError(Problem("--resamples has no effect without --fit", hint="--fit runs.csv"))
        if self.fit is not None and self.is_set("law"):
            raise UsageError(Problem("--law has no effect with --fit, which fits a law", hint="leave one out"))


class ScalingKeywords(TypedDict, total=False):
    """`ScalingSettings` as keyword arguments."""

    tokens: int | str | None
    compute: float | None
    loss: float | None
    gpu: str | None
    gpus: int | None
    days: float | None
    mfu: float | str | None
    law: LawName
    inference_tokens: int | str | None
    unique_tokens: int | str | None
    fit: Path | str | None
    resamples: int | None
