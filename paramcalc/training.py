"""What a Python program asks about training: bytes on each device, a whole run, layouts that fit.

A model is whatever describes one, as in `paramcalc.api`. Every function raises PCError for what cannot be read or be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from paramcalc.arguments import checked
from paramcalc.build import build
from paramcalc.readers.sources import reading_of, spec_of
from paramcalc.settings import Decimal, without_none

if TYPE_CHECKING:
    from paramcalc.answers.train import Train
    from paramcalc.estimates.layouts import Candidate
    from paramcalc.estimates.run import TrainingRun
    from paramcalc.estimates.run_settings import RunKeywords, TrainKeywords
    from paramcalc.readers.sources import Source


def train(model: Source, seq: int | str | None = None, **settings: Unpack[TrainKeywords]) -> Train:
    """Bytes on the devices of each pipeline stage at the fullest moment of a step, as a sequence: `total` and its
    parts; with `tokens` and `gpu` also `training_run`. As `paramcalc train`.

    Raises UsageError for settings that cannot be, or have no effect.
    """
    from paramcalc.answers.train import train as trained
    from paramcalc.estimates.run_settings import RunSettings

    return trained(reading_of(model), RunSettings.of(without_none(seq=seq) | settings))


@checked(tokens=Decimal, gpu=str)
def training_run(
    model: Source, tokens: int | str, gpu: str, gpus: int = 1, *, seq: int | str | None = None,
    **keywords: Unpack[RunKeywords],
) -> TrainingRun:
    """A whole training run: `days`, `gpu_hours`, `energy_kwh`, `co2_kg`, `cost_usd`, each with its range. As
    `paramcalc train --tokens`."""
    from paramcalc.estimates.run_settings import RunSettings
    from paramcalc.estimates.training_plan import estimate_run, plan

    settings = RunSettings.of(without_none(seq=seq) | keywords | {"tokens": tokens, "gpu": gpu, "gpus": gpus})
    terms = settings.terms()
    assert terms is not None  # noqa: S101 - there are tokens
    return estimate_run(plan(build(spec_of(model)), settings), terms)


def layouts(
    model: Source, gpu: str, gpus: int, *, seq: int | str | None = None, **keywords: Unpack[RunKeywords],
) -> list[Candidate]:
    """Layouts of so many devices that fit, the fastest first. As `paramcalc train --search`. Raises PCError where
    the model cannot be read, UsageError for settings that cannot be."""
    from paramcalc.estimates.run_settings import RunSettings
    from paramcalc.estimates.training_plan import fitting

    settings = RunSettings.of(without_none(seq=seq) | keywords | {"gpu": gpu, "gpus": gpus})
    return fitting(build(spec_of(model)), settings)[0]


search = layouts
