"""`paramcalc train`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from paramcalc.cli.options import Common, Models, Plot
from paramcalc.cli.run import answer_all
from paramcalc.errors import Problem, UsageError
from paramcalc.estimates.effects import need
from paramcalc.estimates.run_settings import RunSettings
from paramcalc.settings import option

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramcalc.readers.models import Reading
    from paramcalc.reports.table import Report

EXAMPLES = (
    "paramcalc train llama-3.1-70b --lora-rank 16 --quant nf4",
    "paramcalc train llama-3.1-8b --gpu h100 --gpus 8 --search",
    "paramcalc train llama-3.1-8b --gpu h100 --gpus 64 --zero 1 --tokens 2T",
)


class TrainCommand(RunSettings):
    """The settings of a run, and of a search."""

    search: bool = option(False, "List the parallel layouts of --gpus devices that fit, fastest first.")
    top: Annotated[int, Field(ge=1, le=1000)] = option(15, "Number of layouts to show, with --search.")


def train(models: Models, common: Common, settings: TrainCommand, plot: Plot = None) -> int:
    """Show the memory needed to train a model on each device: weights, gradients, optimizer, activations."""
    _check(settings, plot=plot is not None)

    def make(reading: Reading) -> Report:
        if settings.search:
            return _search(reading, settings, quiet=common.quiet)
        return _one(reading, settings, plot, strict=common.strict)

    return answer_all(models, common, make)


def _check(settings: TrainCommand, *, plot: bool) -> None:
    """Raise UsageError for what has no effect, before any model is read."""
    from paramcalc.estimates.training_plan import layout_of

    settings.terms()
    if settings.search and (settings.gpu is None or settings.gpus is None):
        raise UsageError(Problem("--search needs --gpu NAME and --gpus N", hint="--gpu h100 --gpus 256 --search"))
    if settings.search and plot:
        raise UsageError(Problem("--plot has no effect with --search", hint="plot one of the layouts it lists"))
    settings.check(search=settings.search)
    need(settings, ("accelerators",), present=settings.gpu is not None, what="--gpu", hint="--gpu h100")
    if settings.search and settings.method == "dpo":
        raise UsageError(Problem("--search tries micro-batches of sequences, --method dpo trains pairs",
                                 hint="leave --search or --method out"))
    if settings.is_set("top") and not settings.search:
        raise UsageError(Problem("--top has no effect without --search", hint="--search"))
    if not settings.search:
        layout_of(settings)


def _one(reading: Reading, settings: TrainCommand, plot: Path | None, *, strict: bool) -> Report:
    from paramcalc.answers.train import train as trained
    from paramcalc.reports.table import Report
    from paramcalc.reports.train import tables

    answer = trained(reading, settings, strict=strict)
    if plot is not None:
        from paramcalc.reports.train_plot import draw

        draw(plot, answer)
    return Report(answer.to_dict(), tables(answer), failed=answer.failed)


def _search(reading: Reading, settings: TrainCommand, *, quiet: bool) -> Report:
    from paramcalc.answers.train_search import train_search
    from paramcalc.reports.table import Report
    from paramcalc.reports.train_search import tables

    tick, clear = progress(quiet=quiet)
    answer = train_search(reading, settings, settings.top, tick)
    clear()
    return Report(answer.to_dict(), tables(answer), failed=answer.failed)


def progress(*, quiet: bool) -> tuple[Callable[[int, int, int], None], Callable[[], None]]:
    """A bar on standard error, on a terminal, once half a second has passed; gone when finished."""
    import time

    start, last_drawn = time.monotonic(), [0.0]

    def tick(completed: int, total: int, tried: int) -> None:
        now = time.monotonic()
        if not quiet and sys.stderr.isatty() and now - start > 0.5 and now - last_drawn[0] > 0.1:
            last_drawn[0] = now
            bar = "#" * (30 * completed // total)
            sys.stderr.write(f"\r[{bar:.<30}] {tried:,} layouts tried")
            sys.stderr.flush()

    def clear() -> None:
        if last_drawn[0]:
            sys.stderr.write("\r\x1b[K")

    return tick, clear
