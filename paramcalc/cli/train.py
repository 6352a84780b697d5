"""`paramcalc train`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from paramcalc.cli.options import Common, Models, Plot
from paramcalc.cli.run import answer_all
from paramcalc.errors import Problem, UsageError
from paramcalc.estimates.run_settings import RunSettings
from paramcalc.settings import Devices, option

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramcalc.activations.policy import Policy
    from paramcalc.build import Model
    from paramcalc.catalog.accelerators import Accelerator
    from paramcalc.estimates.run import Terms
    from paramcalc.estimates.training import Layout, Trainer
    from paramcalc.readers.models import Loaded
    from paramcalc.reports.table import Report
    from paramcalc.reports.train import Asked

EXAMPLES = (
    "paramcalc train llama-3.1-70b --lora-rank 16 --quant nf4",
    "paramcalc train llama-3.1-8b --gpu h100 --gpus 8 --search",
    "paramcalc train llama-3.1-8b --gpu h100 --gpus 64 --zero 1 --tokens 2T",
)


class TrainCommand(RunSettings):
    """The settings of a run, and on what it is."""

    gpu: str | None = option(None, "Accelerator: h100; `paramcalc list gpus` shows the names.", metavar="NAME")
    gpus: Devices | None = option(None, "Number of devices; as many copies as they hold where --dp is not given.")
    search: bool = option(False, "List the layouts of --gpus devices that fit, the fastest first.")
    top: Annotated[int, Field(ge=1, le=1000)] = option(15, "Layouts that --search shows.")
    global_batch: Annotated[int, Field(ge=1, le=2**30)] | None = option(
        None, "Sequences of a step, for --search and --tokens; as many as make 4M tokens when not given.")
    accelerators: Path | None = option(None, "YAML file with devices of your own.", metavar="FILE")


def train(models: Models, common: Common, settings: TrainCommand, plot: Plot = None) -> int:
    """Show the memory needed to train a model on each device: weights, gradients, optimizer, activations."""
    if settings.search and (settings.gpu is None or settings.gpus is None):
        raise UsageError(Problem("--search needs --gpu NAME and --gpus N", hint="--gpu h100 --gpus 256 --search"))
    terms = _terms(settings)
    copies = settings.dp or 1 if settings.search else _copies(settings)

    def make(loaded: Loaded) -> Report:
        from paramcalc.activations.fold import Tokens
        from paramcalc.activations.policy import Policy
        from paramcalc.build import build
        from paramcalc.estimates.training import Recipe, Trainer
        from paramcalc.reports import train as reports

        batch = settings.micro_batch * (2 if settings.method == "dpo" else 1)  # a pair is two sequences
        recipe = Recipe(settings.dtype, settings.grad_dtype, settings.master, settings.optimizer,
                        settings.loss == "fused", settings.compute_dtype, settings.method)
        trainer = Trainer(_adapted(build(loaded.spec), settings), recipe)
        policy = Policy(settings.attention, settings.recompute, settings.activations,
                        settings.compute_dtype or settings.dtype, batch)
        device = _device(settings)
        if settings.search and device is not None:
            return _search(loaded, trainer, device, settings, policy, terms, quiet=common.quiet)
        source = settings.seq if settings.source is None else settings.source
        asked = reports.Asked(recipe, _layout(settings, copies), Tokens(batch, settings.seq, source),
                              policy, device)
        return _one(loaded, trainer, asked, plot, _sequences(settings, asked.layout), terms, strict=common.strict)

    return answer_all(models, common, make)


def _terms(settings: TrainCommand) -> Terms | None:
    """What a run is asked for. Raises UsageError for what has no effect."""
    terms = settings.terms()
    if terms is not None and settings.gpu is None:
        raise UsageError(Problem("--tokens needs --gpu NAME", hint="--gpu h100 --gpus 64 --tokens 2T"))
    if settings.search and settings.method == "dpo":
        raise UsageError(Problem("--search tries micro-batches of sequences, --method dpo trains pairs",
                                 hint="leave --search or --method out"))
    if settings.said("top") and not settings.search:
        raise UsageError(Problem("--top has no effect without --search", hint="--search"))
    if settings.global_batch is not None and not settings.search and terms is None:
        raise UsageError(Problem("--global-batch has no effect without --search or --tokens", hint="--tokens 2T"))
    if settings.global_batch is not None and settings.micro_batches is not None:
        raise UsageError(Problem("--micro-batches and --global-batch say the same", hint="leave one of the two out"))
    return terms


def _sequences(settings: TrainCommand, layout: Layout) -> int:
    """Micro-batches of a step of each copy: as said, else as many as make the usual tokens of a step."""
    from paramcalc.catalog.training import usual_step_tokens

    each = layout.dp * settings.micro_batch
    if settings.micro_batches is not None:
        return settings.micro_batches
    if settings.global_batch is None:
        return max(layout.pp, usual_step_tokens() // (each * settings.seq), 1)
    if settings.global_batch % each:
        raise UsageError(Problem(f"--global-batch {settings.global_batch} is not a multiple of dp × micro-batch = "
                                 f"{each}", hint=f"--global-batch {max(1, settings.global_batch // each) * each}"))
    return settings.global_batch // each


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
    return adapt(quantized, Lora(settings.lora_rank, settings.lora_targets, settings.dora,
                                 dropout=settings.lora_dropout))


def _device(settings: TrainCommand) -> Accelerator | None:
    from paramcalc.catalog.accelerators import find_accelerator

    return None if settings.gpu is None else find_accelerator(settings.gpu, settings.accelerators)


def _one(loaded: Loaded, trainer: Trainer, asked: Asked, plot: Path | None, micro_batches: int, terms: Terms | None, *,
         strict: bool) -> Report:
    from paramcalc.activations.fold import activations
    from paramcalc.estimates.largest import largest
    from paramcalc.estimates.training_remedies import Run, training_remedies
    from paramcalc.reports import train as reports

    devices = trainer.devices(asked.layout, asked.load, asked.policy)
    unknown = activations(trainer.model, asked.load, asked.policy).unknown
    if unknown and strict:
        raise UsageError(Problem(f"activations of {', '.join(unknown)} are not known", hint="leave --strict out"))
    asked = asked._replace(unknown=unknown)
    if asked.gpu is not None:
        most = largest(trainer, asked.layout, asked.load, asked.policy, asked.capacity)
        asked = asked._replace(largest=most)
        if max(device.total for device in devices) > asked.capacity:
            run = Run(asked.recipe, asked.layout, asked.load, asked.policy)
            asked = asked._replace(remedies=tuple(training_remedies(trainer, run, asked.capacity)))
    if plot is not None:
        from paramcalc.reports.train_plot import draw

        draw(plot, loaded.spec.name, trainer, asked, devices)
    report = reports.answer(loaded, trainer.model, devices, asked)
    return report if terms is None else _with_run(report, trainer, asked, micro_batches, terms)


def _with_run(report: Report, trainer: Trainer, asked: Asked, micro_batches: int, terms: Terms) -> Report:
    """The answer with the whole run."""
    from paramcalc.estimates.run import model_flops, run
    from paramcalc.estimates.train_step import Stepper
    from paramcalc.reports import train_run as reports

    assert asked.gpu is not None  # noqa: S101 - checked with the terms
    layout, load = asked.layout, asked.load
    stepper = Stepper(trainer, asked.gpu)
    step = None
    if terms.mfu is None:
        step = stepper.step(layout, load, asked.policy.recompute, micro_batches).range(stepper.attained.share)
    tokens = load.batch * load.seq * micro_batches * layout.dp
    whole = run(model_flops(trainer.model.tree, load), tokens, step, asked.gpu, layout.devices, stepper.peak, terms)
    source = f"{stepper.attained.name}, {stepper.attained.source}"
    taken = reports.taken(whole, terms, tokens, source) | {"step_micro_batches": micro_batches}
    json = report.json | {"run": reports.figures(whole)}
    json["assumptions"] = json["assumptions"] | {"run": taken}
    return report._replace(json=json, tables=(*report.tables, reports.table(whole, terms, source)))


def _search(loaded: Loaded, trainer: Trainer, device: Accelerator, settings: TrainCommand, policy: Policy,
            terms: Terms | None, *, quiet: bool) -> Report:
    from paramcalc.activations.fold import Tokens
    from paramcalc.catalog.training import usual_step_tokens
    from paramcalc.estimates.layouts import search
    from paramcalc.estimates.run import model_flops, run
    from paramcalc.estimates.train_step import Stepper
    from paramcalc.reports import train_search as reports

    gpus = settings.gpus or 1
    load = Tokens(1, settings.seq, settings.seq if settings.source is None else settings.source)
    batch = settings.global_batch or max(1, usual_step_tokens() // (settings.seq * gpus)) * gpus
    tick, done = progress(quiet=quiet)
    layouts, tried = search(trainer, device, gpus, load, policy, batch, tick)
    done()
    runs = None
    if terms is not None and layouts:
        each, peak = model_flops(trainer.model.tree, load), Stepper(trainer, device).peak
        runs = [run(each, one.tokens, one.step, device, gpus, peak, terms) for one in layouts]
    report = reports.layouts(loaded, trainer.model, layouts, tried, device, settings.seq, runs)
    return reports.shortened(report, settings.top, device)


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
