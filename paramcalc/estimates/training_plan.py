"""From the settings of a training run to what estimates take: trainer, layout, load, policy, device, micro-batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from paramcalc.activations.fold import Tokens
from paramcalc.activations.policy import Policy
from paramcalc.catalog.accelerators import Accelerator, find_accelerator
from paramcalc.catalog.training import usual_step_tokens
from paramcalc.defaults import TRAINING
from paramcalc.errors import Problem, UsageError
from paramcalc.estimates.effects import need, need_encoder
from paramcalc.estimates.layouts import search
from paramcalc.estimates.media import media_of
from paramcalc.estimates.narrow_products import storage_dtype
from paramcalc.estimates.run import Terms, model_flops, run
from paramcalc.estimates.train_step import Stepper
from paramcalc.estimates.training import Recipe, Trainer
from paramcalc.estimates.training_layout import Layout
from paramcalc.measures.parameters import count
from paramcalc.transforms.formats import in_formats
from paramcalc.transforms.freeze import freeze
from paramcalc.transforms.lora import Lora, adapt

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramcalc.build import Model
    from paramcalc.estimates.layouts import Candidate
    from paramcalc.estimates.run import TrainingRun
    from paramcalc.estimates.run_settings import RunSettings


class Plan(NamedTuple):
    """What is trained, how, and on what."""

    trainer: Trainer
    layout: Layout
    load: Tokens
    policy: Policy
    device: Accelerator | None
    micro_batches: int
    """Of a step of each copy, for its time."""
    arithmetic: str
    """Of products of weights, for the time of a step."""
    overlap: bool | None
    """Whether collectives hide behind computation; None where their span decides."""

    @property
    def step_tokens(self) -> int:
        """Tokens of a step on all devices."""
        return self.load.batch * self.load.seq * self.micro_batches * self.layout.dp


def plan(model: Model, settings: RunSettings) -> Plan:
    """The plan of settings. Raises UsageError for what does not go together."""
    need(settings, ("sequence_parallel",), present=settings.tp > 1, what="--tp", hint="--tp 2")
    layout = layout_of(settings)
    media = media_of(settings, model.spec)
    source = media.attended(model.spec.source_tokens(settings.source), settings.seq)
    load = Tokens(sequences(settings), media.sequence(settings.seq), source, media=media)
    return Plan(trainer_of(model, settings), layout, load, policy_of(settings), device_of(settings),
                micro_batches(settings, layout, load.seq), settings.arithmetic, settings.overlap)


def sequences(settings: RunSettings) -> int:
    """Sequences of a micro-batch: a pair of DPO is two."""
    return settings.micro_batch * (2 if settings.method == "dpo" else 1)


def trainer_of(model: Model, settings: RunSettings) -> Trainer:
    """The model with its adapters, under the recipe. Raises UsageError for settings that would have no effect."""
    need(settings, ("lora_targets", "dora", "lora_dropout"), present=settings.lora_rank is not None, what="--lora-rank",
         hint="--lora-rank 16")
    need(settings, ("zero_shards",), present=settings.zero > 0, what="--zero", hint="--zero 3")
    need_encoder(settings, model)
    recipe = Recipe(settings.dtype, settings.grad_dtype, settings.master, settings.optimizer,
                    settings.loss, settings.compute_dtype, settings.method)
    return Trainer(_adapted(model, settings), recipe)


def policy_of(settings: RunSettings) -> Policy:
    """What is saved for backward."""
    return Policy(settings.attention, settings.recompute, settings.activations,
                  storage_dtype(settings.compute_dtype or settings.dtype), sequences(settings))


def device_of(settings: RunSettings) -> Accelerator | None:
    """The accelerator, if one was named."""
    return None if settings.gpu is None else find_accelerator(settings.gpu, settings.accelerators)


def _adapted(model: Model, settings: RunSettings) -> Model:
    quantized = in_formats(model, settings.quant or "none")
    if settings.lora_rank is None:
        if settings.quant is not None:
            raise UsageError(Problem("quantized weights cannot be trained directly", hint="add --lora-rank 16"))
        return freeze(quantized, settings.freeze)
    plan = Lora(settings.lora_rank, settings.lora_targets, settings.dora, dropout=settings.lora_dropout)
    if settings.activations == "megatron":  # its Float16Module casts adapters with all other weights
        plan = plan._replace(dtype=None)
    return freeze(adapt(quantized, plan), settings.freeze, quantized)


def layout_of(settings: RunSettings) -> Layout:
    """How the devices share the work; as many copies of the model as they hold where none are said."""
    return Layout(settings.tp, settings.pp, _copies(settings), settings.ep, settings.cp, settings.zero,
                  settings.zero_shards, settings.interleave, settings.schedule, micro_batches=settings.micro_batches,
                  sequence=settings.sequence_parallel)


def _copies(settings: RunSettings) -> int:
    """Copies of a model that is divided among devices: those asked for, or as many as the devices hold."""
    gpus, dp, share = settings.gpus, settings.dp, settings.tp * settings.pp * settings.cp
    if gpus is None or share * (dp or 1) == gpus:
        return dp or TRAINING.dp
    if dp is None and gpus % share == 0:
        return gpus // share
    if dp is None:
        raise UsageError(Problem(f"--gpus {gpus} is not a multiple of tp × pp × cp = {share}",
                                 hint=f"--gpus {max(share, gpus // share * share)}"))
    raise UsageError(Problem(f"--gpus {gpus} is not tp × pp × cp × dp = {share * dp}", hint=f"--gpus {share * dp}"))


def micro_batches(settings: RunSettings, layout: Layout, seq: int) -> int:
    """Micro-batches of a step of each copy: as said, else as many as make the usual tokens of a step. Raises
    UsageError for a global batch that the copies cannot share equally."""
    each = layout.dp * sequences(settings)
    if settings.micro_batches is not None:
        return settings.micro_batches
    if settings.global_batch is None:
        return max(layout.pp, usual_step_tokens() // (each * seq), 1)
    if settings.global_batch % each:
        raise UsageError(Problem(f"--global-batch {settings.global_batch} is not a multiple of dp × micro-batch = "
                                 f"{each}", hint=f"--global-batch {max(1, settings.global_batch // each) * each}"))
    return settings.global_batch // each


def estimate_run(chosen: Plan, terms: Terms) -> TrainingRun:
    """The run of a plan. Raises UsageError without a device, or for one of which no arithmetic or link is known."""
    if chosen.device is None:
        raise UsageError(Problem("--tokens needs --gpu NAME", hint="--gpu h100 --gpus 64 --tokens 2T"))
    stepper = Stepper(chosen.trainer, chosen.device, chosen.arithmetic, chosen.overlap)
    time, step = None, None
    if terms.mfu is None:
        time = stepper.step(chosen.layout, chosen.load, chosen.policy.recompute, chosen.micro_batches)
        step = time.range(stepper.attained.shares)
    estimate = run(model_flops(stepper.tree, chosen.load), chosen.step_tokens, step, chosen.device,
                   chosen.layout.devices, stepper.plain, terms, count(stepper.tree).total)
    if time is None:
        return estimate
    parts = time.parts(stepper.attained.shares[1])
    return estimate._replace(basis=stepper.attained.basis,
                             step_shares={name: value / sum(parts) for name, value in parts._asdict().items()})


def fitting(
    model: Model, settings: RunSettings, terms: Terms | None = None,
    tick: Callable[[int, int, int], None] = lambda completed, total, tried: None,
) -> tuple[list[Candidate], int, list[TrainingRun] | None]:
    """Layouts of all devices that fit, the fastest first; how many were tried; with terms the run of each. Raises
    UsageError without a device and a number of them, or for a model nothing can be said of."""
    device, gpus = device_of(settings), settings.gpus
    if device is None or gpus is None:
        raise UsageError(Problem("--search needs --gpu NAME and --gpus N", hint="--gpu h100 --gpus 256 --search"))
    trainer = trainer_of(model, settings)
    media = media_of(settings, model.spec)
    source = media.attended(model.spec.source_tokens(settings.source), settings.seq)
    load = Tokens(1, media.sequence(settings.seq), source, media=media)
    batch = settings.global_batch or max(1, usual_step_tokens() // (load.seq * gpus)) * gpus
    # where some layouts hid their collectives and others not, experts on many nodes would look faster than on one
    stepper = Stepper(trainer, device, settings.arithmetic, bool(settings.overlap))
    candidates, tried = search(stepper, gpus, load, policy_of(settings), batch, tick)
    if terms is None:
        return candidates, tried, None
    each, parameters = model_flops(trainer.model.tree, load), count(trainer.model.tree).total
    return candidates, tried, [run(each, one.tokens, one.step, device, gpus, stepper.plain, terms, parameters)
                               for one in candidates]
