"""`train`: bytes to train a model on each device, and what a whole run takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from paramcalc.activations.class_facts import class_facts
from paramcalc.activations.class_rows import MEASURED, MEASURED_TOWERS
from paramcalc.activations.fold import activations
from paramcalc.answers.answer import Answer, head, hidden
from paramcalc.answers.train_run import RunFigures, run_assumptions, run_figures
from paramcalc.catalog.optimizers import find_optimizer
from paramcalc.errors import Problem, UsageError
from paramcalc.estimates.effects import within_positions
from paramcalc.estimates.fit import Remedy
from paramcalc.estimates.layouts import capacity
from paramcalc.estimates.media import media_of
from paramcalc.estimates.narrow_products import storage_dtype
from paramcalc.estimates.run import Terms, TrainingRun
from paramcalc.estimates.training_parts import PARTS, Device
from paramcalc.estimates.training_plan import Plan, estimate_run, plan
from paramcalc.measures.cache import Serving, exact, mixers, types
from paramcalc.measures.certainty import Certainty, least, of_model, size_certainty, why_bound
from paramcalc.measures.weights import weight_bytes
from paramcalc.numbers import binary
from paramcalc.transforms.lora import trainable_parameters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paramcalc.build import Model
    from paramcalc.estimates.run_settings import RunSettings
    from paramcalc.readers.models import Reading

EXACT = ("weights", "gradients", "optimizer", "master_weights")
ESTIMATES = ("communication", "working")
ROLLED_OUT = ("grpo", "ppo")
"""Methods that train on what an engine generates with the model's own weights."""


@dataclass(frozen=True, kw_only=True)
class DeviceMemory:
    """Bytes on each device of one pipeline stage at the fullest moment of a step; the parts add up to `total`."""

    stage: int
    weights: int
    gradients: int
    optimizer: int
    master_weights: int
    activations: int
    """What the forward pass saves for backward, up to and including the logits' input."""
    logits: int
    """What the loss adds, on the last stage."""
    communication: int
    working: int
    other_models: int
    total: int
    peak: int
    """The same as `total`."""
    moment: str
    """Which moment of a step it is."""


class Capacity(NamedTuple):
    """Bytes of one device; negative where they are missing."""

    bytes: int


class Largest(NamedTuple):
    """What fits at most, each with the rest as it is; 0 where not even one does."""

    micro_batch: int
    seq: int


class Rollout(NamedTuple):
    """Bytes of the engine that generates what is trained on, on all its devices."""

    weights: int
    cache_per_sequence: int


@dataclass(frozen=True, kw_only=True)
class Train(Answer):
    """Bytes to train a model, as a sequence of the devices of each stage."""

    command: ClassVar[str] = "train"
    per_device: tuple[DeviceMemory, ...]
    max_device_bytes: int
    """What a device must have."""
    heaviest_stage: int
    why: str
    """Why that stage is the heaviest."""
    trainable: int
    """Parameters that are trained."""
    devices: int
    """Of all stages."""
    known: dict[str, Certainty]
    rollout: Rollout | None = None
    fits: bool | None = None
    """With an accelerator, as the four that follow."""
    capacity: Capacity | None = None
    headroom: Capacity | None = None
    largest: Largest | None = None
    remedies: tuple[Remedy, ...] | None = None
    """What would make it fit, where it does not."""
    run: RunFigures | None = None
    """With tokens."""
    plan: Plan = hidden()
    doubts: tuple[str, ...] = hidden(default=())
    """What may be wrong with the activations."""
    unknown: tuple[str, ...] = hidden(default=())
    """Components whose activations nobody described."""
    terms: Terms | None = hidden(default=None)
    training_run: TrainingRun | None = hidden(default=None)

    def __iter__(self) -> Iterator[DeviceMemory]:
        return iter(self.per_device)

    def __len__(self) -> int:
        return len(self.per_device)

    def __getitem__(self, index: int) -> DeviceMemory:
        return self.per_device[index]

    @property
    def failed(self) -> bool:
        """Whether it does not fit the accelerator that was named."""
        return self.fits is False

    @property
    def heaviest(self) -> DeviceMemory:
        """The devices that hold most."""
        return max(self.per_device, key=lambda device: device.total)


def train(reading: Reading, settings: RunSettings, *, strict: bool = False) -> Train:
    """The bytes a training step takes, and with tokens the time, energy and cost of the run.

    Raises UsageError for settings that cannot be, or have no effect; with `strict` also where the activations of a
    component are not known.
    """
    start = head(reading)
    settings.check()
    terms = settings.terms()
    spec = start["built"].spec
    settings, start["length"] = within_positions(settings, spec, media_of(settings, spec))
    scheme = plan(start["built"], settings)
    model = scheme.trainer.model
    devices = tuple(map(device_memory, scheme.trainer.devices(scheme.layout, scheme.load, scheme.policy)))
    unknown = activations(model, scheme.load, scheme.policy).unknown
    if unknown and strict:
        raise UsageError(Problem(f"activations of {', '.join(unknown)} are not known", hint="leave --strict out"))
    device, recipe = scheme.device, scheme.trainer.recipe
    start["notes"] = tuple(filter(None, (device.without(recipe.compute_dtype or recipe.dtype) if device else "",
                                         _paged(recipe.optimizer), _own_formats(start["built"], settings))))
    doubts = _doubts(model, scheme, unknown)
    worst = max(devices, key=lambda device: device.total)
    training_run = None if terms is None else estimate_run(scheme, terms)
    assumptions = _assumptions(scheme) | ({"freeze": list(settings.freeze)} if settings.freeze else {})
    if settings.freeze and terms is not None:
        doubts = (*doubts, "the time of a step is counted as if the frozen towers were trained too")
    if terms is not None and training_run is not None:
        assumptions["run"] = run_assumptions(training_run, terms, scheme)
    return Train(
        **start | {"assumptions": assumptions, "warnings": (*start["warnings"], *doubts), "built": model},
        per_device=devices, max_device_bytes=worst.total, heaviest_stage=worst.stage, why=_why(devices),
        trainable=trainable_parameters(model.tree), devices=scheme.layout.devices, known=_certainties(model, unknown),
        rollout=_rollout(model, scheme) if scheme.trainer.recipe.method in ROLLED_OUT else None,
        **_verdict(scheme, worst.total, unknown), run=None if training_run is None else run_figures(training_run),
        plan=scheme, doubts=doubts, unknown=unknown, terms=terms, training_run=training_run)


def _paged(optimizer: str) -> str:
    """What is not modelled of states that may leave the device."""
    entry = find_optimizer(optimizer)
    if not entry.paged:
        return ""
    return f"{entry.name}: states are counted on the device; that they move to the host when it is full is not modelled"


def device_memory(device: Device) -> DeviceMemory:
    """The row of a device."""
    parts = {part: getattr(device, part) for part in PARTS}
    return DeviceMemory(stage=device.stage, **parts, total=device.total, peak=device.total, moment=device.moment)


def _verdict(chosen: Plan, needed: int, unknown: tuple[str, ...]) -> dict[str, Any]:
    """The fields that need an accelerator; `needed` are bytes of the heaviest device, without the activations of
    components that are `unknown`."""
    if chosen.device is None:
        return {}
    from paramcalc.estimates.largest import largest
    from paramcalc.estimates.training_remedies import Run, training_remedies

    room = capacity(chosen.device)
    parts = (chosen.layout, chosen.load, chosen.policy)
    fits = needed <= room and not unknown and not why_bound(chosen.trainer.model.spec, "weights", "flops")
    remedies = () if needed <= room else training_remedies(chosen.trainer, Run(chosen.trainer.recipe, *parts), room)
    return {"fits": fits, "capacity": Capacity(room), "headroom": Capacity(room - needed),
            "largest": Largest(**largest(chosen.trainer, *parts, room)), "remedies": tuple(remedies)}


def _rollout(model: Model, chosen: Plan) -> Rollout:
    """The engine that generates: the weights, and the exact cache of a whole sequence."""
    recipe, load = chosen.trainer.recipe, chosen.load
    dtype = storage_dtype(recipe.compute_dtype or recipe.dtype)
    cache = exact(mixers(model.tree), Serving(load.seq, 1, load.source), types(dtype))
    return Rollout(weight_bytes(model.tree, dtype).total, cache.bytes)


def _certainties(model: Model, unknown: tuple[str, ...]) -> dict[str, Certainty]:
    """How each figure is known: states as the parameters are, activations as far as they are described; what is in no
    FLOPs is in no activations."""
    states, weights = size_certainty(model.spec), of_model(model.spec, "weights")
    activations = of_model(model.spec, "flops", at_best="bound" if unknown else "estimate")
    worst = least(weights, activations)
    return {"weights": weights, **dict.fromkeys((*EXACT[1:], "other_models"), states), "activations": activations,
            **dict.fromkeys(("logits", *ESTIMATES), least(states, "estimate")), "total": worst,
            "max_device_bytes": worst, "trainable": states, "run": least(states, "estimate")}


def _doubts(model: Model, chosen: Plan, unknown: tuple[str, ...]) -> tuple[str, ...]:
    """What may be wrong with the activations: parts nobody described, a class nobody measured."""
    family, by_class = model.spec.family, chosen.policy.library == "transformers"
    doubts = [*chosen.load.media.notes]
    if unknown:
        doubts.append(f"activations of {', '.join(unknown)} are not known and left out")
    towers = [tower.family for tower in model.spec.towers.values()
              if tower.family not in ("", *MEASURED_TOWERS) and chosen.load.media.of(tower.stream)]
    strange = [name for name in (family, *towers) if name and name not in MEASURED | MEASURED_TOWERS]
    if by_class and strange:
        classes = " and ".join(dict.fromkeys(strange))
        doubts.append(f"activations are estimated from the components; not checked against transformers' {classes}")
    if by_class and chosen.policy.attention != "eager" and class_facts(model.spec).own_attention:
        doubts.append(f"the class of {family or 'the model'} has its own attention code: it runs as --attention eager")
    return tuple(doubts)


def _own_formats(model: Model, settings: RunSettings) -> str:
    """That the formats a model says for its own weights are not counted beside adapters; empty where nothing differs.

    Not every loader can train adapters on every format, some only after making it plain (gpt-oss in transformers).
    """
    if settings.lora_rank is None or settings.quant is not None or not model.spec.quantize:
        return ""
    return (f"frozen weights are counted as {settings.dtype}, not in the formats of the model's own quantization; "
            "--quant names one, such as nf4")


def _assumptions(chosen: Plan) -> dict[str, object]:
    """Everything that was taken as given."""
    recipe, layout, load, policy = chosen.trainer.recipe, chosen.layout, chosen.load, chosen.policy
    return {
        "seq": load.seq, **load.media.summary(), "micro_batch": load.batch, "dtype": recipe.dtype,
        "compute_dtype": recipe.compute_dtype or recipe.dtype,
        "grad_dtype": recipe.grad_dtype or recipe.dtype,
        "master_weights": "fp32" if recipe.master and recipe.dtype not in ("fp32", "float32") else "none",
        "optimizer": recipe.optimizer, "loss": recipe.loss,
        "method": recipe.method, "recompute": policy.recompute, "attention": policy.attention,
        "activations": policy.library,
        "zero": layout.zero, "tp": layout.tp, "pp": layout.pp, "ep": layout.ep, "cp": layout.cp, "dp": layout.dp,
        "sequence_parallel": layout.plan.sequence, "interleave": layout.interleave,
        "schedule": layout.schedule,
        "micro_batches": layout.micro_batches,
        "exact": list(EXACT), "activations_are": "what the forward pass saves for the backward pass",
        "logits_are": "what the loss saves for the backward pass, on the last stage",
        "total_is": "peak memory of a step, at the time that `moment` names; with --micro-batches 1 there are no "
                    "gradients while activations are at their peak",
        "working_is": "logits and gradients of the loss, a recomputed layer, gradients before they are divided, tokens "
                      "that tensor parallelism gathers and Megatron sends to experts, and what the allocator reserves "
                      "beyond what is allocated",
        "reserved_over_allocated": float(layout.reserved),
        "communication_is": "weights gathered under ZeRO-3, copies in the format of matrix products, and on several "
                            "devices CUDA's context and NCCL's communicators",
        "communicators": layout.communicators(policy.library),
        "reserved_is": "the median of 13 logs that print both, 1.01 to 1.39; under ZeRO-3 the pools of gathered "
                       "weights and of divided gradients instead, and no gaps between blocks",
        "products_are": "of FP8 as torchao's: what they read is kept in bf16 and copied in FP8 while one runs, which "
                        "working has; what TransformerEngine keeps in FP8 is not modelled",
        "left_out": "kernel workspace, load imbalance among experts",
    }


def _why(devices: tuple[DeviceMemory, ...]) -> str:
    """Which stage is heaviest, and by what."""
    worst = max(devices, key=lambda device: device.total)
    if len(devices) == 1:
        most = max(PARTS, key=lambda part: getattr(worst, part))
        return f"all devices hold the same, mostly {most.replace('_', ' ')}"
    lightest = min(devices, key=lambda device: device.total)
    more = {part: getattr(worst, part) - getattr(lightest, part) for part in PARTS}
    part = max(more, key=lambda name: more[name])
    return f"stage {worst.stage}: {binary(more[part])} more {part.replace('_', ' ')} than stage {lightest.stage}"
