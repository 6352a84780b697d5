"""`paramcalc train`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from paramcalc.cli.options import Common, Models, Plot
from paramcalc.cli.run import answer_all
from paramcalc.errors import Problem, UsageError
from paramcalc.estimates.settings import TrainingSettings
from paramcalc.settings import Devices, option

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramcalc.activations.policy import Policy
    from paramcalc.build import Model
    from paramcalc.catalog.accelerators import Accelerator
    from paramcalc.estimates.training import Layout, Trainer
    from paramcalc.readers.models import Loaded
    from paramcalc.reports.table import Report
    from paramcalc.reports.train import Asked

EXAMPLES = (
    "paramcalc train llama-3.1-8b --seq 4k --dp 8 --zero 3",
    "paramcalc train llama-3.1-70b --lora-rank 16 --quant nf4",
    "paramcalc train llama-3.1-8b --gpu h100 --gpus 8 --search",
)


class TrainCommand(TrainingSettings):
    """The settings of training, and on what it runs."""

    gpu: str | None = option(None, "Accelerator: h100; `paramcalc list gpus` shows the names.", metavar="NAME")
    gpus: Devices | None = option(None, "Number of devices; as many copies as they hold where --dp is not given.")
    search: bool = option(False, "List the layouts of --gpus devices that fit, best first.")
    global_batch: Annotated[int, Field(ge=1, le=2**30)] | None = option(None, "Sequences of a step, for --search.")
    accelerators: Path | None = option(None, "YAML file with devices of your own.", metavar="FILE")


def train(models: Models, common: Common, settings: TrainCommand, plot: Plot = None) -> int:
    """Show the memory needed to train a model on each device: weights, gradients, optimizer, activations."""
    if settings.search and (settings.gpu is None or settings.gpus is None):
        raise UsageError(Problem("--search needs --gpu NAME and --gpus N", hint="--gpu h100 --gpus 256 --search"))
    copies = settings.dp or 1 if settings.search else _copies(settings)

    def make(loaded: Loaded) -> Report:
        from paramcalc.activations.fold import Tokens
        from paramcalc.activations.policy import Policy
        from paramcalc.build import build
        from paramcalc.estimates.training import Recipe, Trainer
        from paramcalc.reports import train as reports

        recipe = Recipe(settings.dtype, settings.grad_dtype, settings.master, settings.optimizer,
                        settings.loss == "fused", settings.compute_dtype)
        trainer = Trainer(_adapted(build(loaded.spec), settings), recipe)
        policy = Policy(settings.attention, settings.recompute, settings.activations,
                        settings.compute_dtype or settings.dtype, settings.micro_batch)
        device = _device(settings)
        if settings.search and device is not None:
            return _search(loaded, trainer, device, settings, policy, quiet=common.quiet)
        source = settings.seq if settings.source is None else settings.source
        asked = reports.Asked(recipe, _layout(settings, copies), Tokens(settings.micro_batch, settings.seq, source),
                              policy, device)
        return _one(loaded, trainer, asked, plot, strict=common.strict)

    return answer_all(models, common, make)


def _layout(settings: TrainCommand, copies: int) -> Layout:
    from paramcalc.estimates.training import Layout

    return Layout(settings.tp, settings.pp, copies, settings.ep, settings.cp, settings.zero, settings.zero_shards,
                  settings.interleave, micro_batches=settings.micro_batches, sequence=settings.sequence_parallel)


def _copies(settings: TrainCommand) -> int:
    """Copies of a model that is divided among devices: those asked for, or as many as the devices hold."""
    gpus, dp, share = settings.gpus, settings.dp, settings.tp * settings.pp * settings.cp
    if gpus is None or share * (dp or 1) == gpus:
        return dp or 1
    if dp is None and gpus % share == 0:
        return gpus // share
    if dp is None:
        raise UsageError(Problem(f"--gpus {gpus} is not a multiple of tp × pp × cp = {share}",
                                 hint=f"--gpus {max(share, gpus // share * share)}"))
    raise UsageError(Problem(f"--gpus {gpus} is not tp × pp × cp × dp = {share * dp}", hint=f"--gpus {share * dp}"))


def _adapted(model: Model, settings: TrainCommand) -> Model:
    from paramcalc.transforms.formats import in_formats
    from paramcalc.transforms.lora import Lora, adapt

    quantized = in_formats(model, settings.quant or "none")
    if settings.lora_rank is None:
        if settings.quant is not None:
            raise UsageError(Problem("quantized weights cannot be trained directly", hint="add --lora-rank 16"))
        return quantized
    return adapt(quantized, Lora(settings.lora_rank, settings.lora_targets, settings.dora))


def _device(settings: TrainCommand) -> Accelerator | None:
    from paramcalc.catalog.accelerators import find_accelerator

    return None if settings.gpu is None else find_accelerator(settings.gpu, settings.accelerators)


def _one(loaded: Loaded, trainer: Trainer, asked: Asked, plot: Path | None, *, strict: bool) -> Report:
    from paramcalc.activations.fold import activations
    from paramcalc.estimates.largest import largest
    from paramcalc.reports import train as reports

    devices = trainer.devices(asked.layout, asked.load, asked.policy)
    unknown = activations(trainer.model, asked.load, asked.policy).unknown
    if unknown and strict:
        raise UsageError(Problem(f"activations of {', '.join(unknown)} are not known", hint="leave --strict out"))
    asked = asked._replace(unknown=unknown)
    if asked.gpu is not None:
        most = largest(trainer, asked.layout, asked.load, asked.policy, asked.capacity)
        asked = asked._replace(largest=most)
    if plot is not None:
        from paramcalc.reports.train_plot import draw

        draw(plot, loaded.spec.name, trainer, asked, devices)
    return reports.answer(loaded, trainer.model, devices, asked)


def _search(loaded: Loaded, trainer: Trainer, device: Accelerator, settings: TrainCommand, policy: Policy, *,
            quiet: bool) -> Report:
    from paramcalc.activations.fold import Tokens
    from paramcalc.estimates.layouts import search
    from paramcalc.reports import train as reports

    gpus = settings.gpus or 1
    tick, done = progress(quiet=quiet)
    layouts, tried = search(trainer, gpus, reports.capacity(device), settings.seq, policy,
                            settings.global_batch or gpus, tick)
    done()
    return reports.layouts(loaded, trainer.model, layouts, tried, device, Tokens(1, settings.seq, settings.seq))


def progress(*, quiet: bool) -> tuple[Callable[[int, int, int], None], Callable[[], None]]:
    """A bar on standard error, on a terminal, once half a second has passed; gone when finished."""
    import time

    start, shown = time.monotonic(), [0.0]

    def tick(done: int, total: int, tried: int) -> None:
        now = time.monotonic()
        if not quiet and sys.stderr.isatty() and now - start > 0.5 and now - shown[0] > 0.1:
            shown[0] = now
            bar = "#" * (30 * done // total)
            sys.stderr.write(f"\r[{bar:.<30}] {tried:,} layouts tried")
            sys.stderr.flush()

    def done() -> None:
        if shown[0]:
            sys.stderr.write("\r\x1b[K")

    return tick, done
