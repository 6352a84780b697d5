"""`paramcalc train`."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from paramcalc.cli import options as o
from paramcalc.cli import serving as s
from paramcalc.errors import Problem, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramcalc.build import Model
    from paramcalc.catalog.accelerators import Accelerator
    from paramcalc.estimates.training import Trainer
    from paramcalc.readers.models import Loaded
    from paramcalc.reports.table import Answer
    from paramcalc.reports.train import Asked

EXAMPLES = (
    "paramcalc train llama-3.1-8b --seq 4k --dp 8 --zero 3",
    "paramcalc train llama-3.1-70b --lora-rank 16 --quant nf4",
    "paramcalc train llama-3.1-8b --gpu h100 --gpus 8 --search",
)


class LossName(StrEnum):
    """How the loss is taken."""

    plain = "plain"
    fused = "fused"


class AttentionName(StrEnum):
    """How attention is computed."""

    eager = "eager"
    sdpa = "sdpa"
    flash = "flash"


class RecomputeName(StrEnum):
    """What backward computes again."""

    none = "none"
    selective = "selective"
    full = "full"


class Library(StrEnum):
    """Whose modules are accounted for."""

    transformers = "transformers"
    megatron = "megatron"


RecomputeOption = Annotated[RecomputeName, typer.Option("--recompute", help="What backward computes again.")]
AttentionOption = Annotated[AttentionName, typer.Option(
    "--attention", help="flash: one fused kernel, as on a GPU, and one for scans; sdpa: torch's own arithmetic; "
    "eager: written out.")]
LibraryOption = Annotated[Library, typer.Option("--activations", help="Whose modules save what.")]
Seq = Annotated[str, typer.Option("--seq", metavar="TOKENS", help="Tokens of each sequence: 2048, 8k.")]
MicroBatch = Annotated[int, typer.Option("--micro-batch", min=1, max=2**16, help="Sequences worked on at once.")]
GradDtype = Annotated[str | None, typer.Option("--grad-dtype", help="What gradients are held in; as the weights.")]
NoMaster = Annotated[bool, typer.Option("--no-master", help="No float32 copy of weights held in fewer bits.")]
OptimizerName = Annotated[str, typer.Option("--optimizer", help="See `paramcalc list optimizers`.")]
Zero = Annotated[int, typer.Option("--zero", min=0, max=3, help="1: ranks share optimizer states, 2: gradients too, "
                                   "3: weights too (FSDP).")]
Shards = Annotated[int | None, typer.Option("--zero-shards", min=1, help="Ranks that share, if not all.")]
Cp = Annotated[int, typer.Option("--cp", min=1, max=2**12, help="Devices that share each sequence.")]
Dp = Annotated[int | None, typer.Option("--dp", min=1, max=2**16, help="Copies of the pipeline.")]
Interleave = Annotated[int, typer.Option("--interleave", min=1, max=64, help="Chunks of layers a stage.")]
MicroBatches = Annotated[int | None, typer.Option("--micro-batches", min=1, help="Micro-batches of a step.")]
Sequence = Annotated[bool, typer.Option("--sequence-parallel/--no-sequence-parallel", help="Share by tokens what --tp "
                                        "leaves whole.")]
Source = Annotated[str | None, typer.Option("--source", metavar="TOKENS", help="Tokens of the encoder's input; as many "
                                            "as --seq when not given.")]
LossOption = Annotated[LossName, typer.Option("--loss", help="fused: taken in pieces, logits are never held.")]
LoraRank = Annotated[int | None, typer.Option("--lora-rank", min=1, max=2**14, help="Train adapters of this rank.")]
LoraTargets = Annotated[str, typer.Option("--lora-targets", metavar="NAME[,…]", help="Modules with adapters.")]
Dora = Annotated[bool, typer.Option("--dora", help="A magnitude for each output of an adapter as well.")]
Search = Annotated[bool, typer.Option("--search", help="List the layouts of --gpus devices that fit, best first.")]
GlobalBatch = Annotated[int | None, typer.Option("--global-batch", min=1, help="Sequences of a step, for --search.")]


def train(
    models: o.Models,
    seq: Seq = "2048",
    micro_batch: MicroBatch = 1,
    dtype: s.Dtype = "bf16",
    quant: s.Quant = None,
    grad_dtype: GradDtype = None,
    no_master: NoMaster = False,
    optimizer: OptimizerName = "adamw",
    recompute: RecomputeOption = RecomputeName.none,
    attention: AttentionOption = AttentionName.flash,
    activations: LibraryOption = Library.transformers,
    zero: Zero = 0,
    zero_shards: Shards = None,
    tp: s.Tp = None,
    pp: s.Pp = None,
    ep: s.Ep = None,
    cp: Cp = 1,
    dp: Dp = None,
    interleave: Interleave = 1,
    micro_batches: MicroBatches = None,
    source: Source = None,
    loss: LossOption = LossName.plain,
    sequence_parallel: Sequence = True,
    lora_rank: LoraRank = None,
    lora_targets: LoraTargets = "all-linear",
    dora: Dora = False,
    gpu: s.Gpu = None,
    gpus: s.Gpus = None,
    search: Search = False,
    global_batch: GlobalBatch = None,
    accelerators: s.Accelerators = None,
    plot: s.Plot = None,
    set_: o.Set = [],  # noqa: B006 - typer copies it
    format_: o.FormatOption = o.Format.table,
    json: o.Json = False,
    output: o.Output = None,
    color: o.ColorOption = o.Color.auto,
    strict: o.Strict = False,
    offline: o.Offline = False,
    quiet: o.Quiet = False,
    debug: o.Debug = False,
) -> None:
    """Say what training takes on each device: weights, gradients, optimizer, activations; or which layouts fit."""
    from paramcalc.cli.sizes import tokens

    length = tokens(seq, "--seq")
    encoder = length if source is None else tokens(source, "--source")
    if search and (gpu is None or gpus is None):
        raise UsageError(Problem("--search needs --gpu NAME and --gpus N", hint="--gpu h100 --gpus 256 --search"))
    share = (tp or 1) * (pp or 1) * cp
    copies = dp or 1 if search else _copies(gpus, share, dp)

    def make(loaded: Loaded) -> Answer:
        from paramcalc.activations.fold import Tokens
        from paramcalc.activations.policy import Policy
        from paramcalc.build import build
        from paramcalc.estimates.training import Layout, Recipe, Trainer
        from paramcalc.reports import train as report

        model = _adapted(build(loaded.spec), quant, lora_rank, lora_targets, dora=dora)
        recipe = Recipe(dtype, grad_dtype, not no_master, optimizer, loss is LossName.fused)
        trainer = Trainer(model, recipe)
        policy = Policy(attention.value, recompute.value, activations.value, dtype, micro_batch)
        device = _device(gpu, accelerators)
        if search and device is not None and gpus is not None:
            return _search(loaded, trainer, device, gpus, length, policy, global_batch or gpus, quiet=quiet)
        layout = Layout(tp or 1, pp or 1, copies, ep or 1, cp, zero, zero_shards, interleave,
                        micro_batches=micro_batches, sequence=sequence_parallel)
        asked = report.Asked(recipe, layout, Tokens(micro_batch, length, encoder), policy, device)
        return _one(loaded, trainer, asked, plot, strict=strict)

    common = o.Common(set_, format_, json, output, color, strict, quiet)
    raise typer.Exit(o.answer_all(models, common, make))


def _copies(gpus: int | None, share: int, dp: int | None) -> int:
    """Copies of a model that is divided among `share` devices: those asked for, or as many as the devices hold."""
    if gpus is None or share * (dp or 1) == gpus:
        return dp or 1
    if dp is None and gpus % share == 0:
        return gpus // share
    if dp is None:
        raise UsageError(Problem(f"--gpus {gpus} is no multiple of the {share} devices of tp·pp·cp",
                                 hint=f"--gpus {max(share, gpus // share * share)}"))
    raise UsageError(Problem(f"--gpus {gpus} is not tp·pp·cp·dp, which is {share * dp}", hint=f"--gpus {share * dp}"))


def _adapted(model: Model, quant: str | None, rank: int | None, targets: str, *, dora: bool) -> Model:
    from paramcalc.transforms.formats import in_formats
    from paramcalc.transforms.lora import Lora, adapt

    found = in_formats(model, quant or "none")
    if rank is None:
        if quant is not None:
            raise UsageError(Problem("quantized weights are not trained", hint="train adapters: --lora-rank 16"))
        return found
    names = tuple(name.strip() for name in targets.split(",") if name.strip())
    return adapt(found, Lora(rank, names, dora))


def _device(gpu: str | None, extra: Any) -> Accelerator | None:  # noqa: ANN401 - a path or None
    from paramcalc.catalog.accelerators import find_accelerator

    return None if gpu is None else find_accelerator(gpu, extra)


def _one(loaded: Loaded, trainer: Trainer, asked: Asked, plot: Any, *, strict: bool) -> Answer:  # noqa: ANN401 - a path
    from paramcalc.activations.fold import activations
    from paramcalc.estimates.largest import largest
    from paramcalc.reports import train as report

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
    return report.answer(loaded, trainer.model, devices, asked)


def _search(loaded: Loaded, trainer: Trainer, device: Accelerator, gpus: int, length: int, policy: Any,  # noqa: ANN401
            batch: int, *, quiet: bool) -> Answer:
    from paramcalc.activations.fold import Tokens
    from paramcalc.estimates.layouts import search
    from paramcalc.reports import train as report

    tick, done = progress(quiet=quiet)
    found, tried = search(trainer, gpus, report.capacity(device), length, policy, batch, tick)
    done()
    return report.layouts(loaded, trainer.model, found, tried, device, Tokens(1, length, length))


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
