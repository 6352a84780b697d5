"""What `train` says: bytes on the devices of each stage, their bar, what would fit, and layouts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from paramcalc.estimates.layouts import capacity
from paramcalc.measures.known import Known, least, of_model, sizes_known
from paramcalc.numbers import binary
from paramcalc.reports.count import head, headline
from paramcalc.reports.table import Answer, Column, Table
from paramcalc.transforms.lora import trainable_parameters

if TYPE_CHECKING:
    from paramcalc.activations.fold import Tokens
    from paramcalc.activations.policy import Policy
    from paramcalc.build import Model
    from paramcalc.catalog.accelerators import Accelerator
    from paramcalc.estimates.fit import Remedy
    from paramcalc.estimates.training import Layout, Recipe
    from paramcalc.estimates.training_parts import Device
    from paramcalc.readers.models import Loaded

PARTS = ("weights", "gradients", "optimizer", "master_weights", "activations", "logits", "communication", "working",
         "other_models")
LETTERS = dict(zip(PARTS, "WGOMALCTR", strict=True))
EXACT = PARTS[:4]
ESTIMATES = PARTS[6:8]
ROLLED_OUT = ("grpo", "ppo")
"""Methods that train on what an engine generates with the model's own weights."""
BAR = 44
SHOWN = 15


class Asked(NamedTuple):
    """What was worked out, and for what."""

    recipe: Recipe
    layout: Layout
    load: Tokens
    policy: Policy
    gpu: Accelerator | None = None
    largest: dict[str, int] | None = None
    """The largest micro-batch and sequence that fit the accelerator."""
    unknown: tuple[str, ...] = ()
    """Components whose activations nobody described."""
    remedies: tuple[Remedy, ...] = ()
    """What would make it fit, where it does not."""

    @property
    def capacity(self) -> int:
        """Bytes of the accelerator; 0 without one."""
        return capacity(self.gpu) if self.gpu is not None else 0


def answer(loaded: Loaded, model: Model, devices: list[Device], asked: Asked) -> Answer:
    """Bytes on the devices of each stage; the heaviest and why."""
    worst = max(devices, key=lambda device: device.total)
    json: dict[str, Any] = head("train", loaded) | {
        "assumptions": assumptions(asked),
        "per_device": [device_json(device) for device in devices],
        "max_device_bytes": worst.total, "heaviest_stage": worst.stage, "why": why(devices),
        "trainable": trainable_parameters(model.tree), "devices": asked.layout.devices,
        "known": known_figures(model, asked),
    }
    if asked.recipe.method in ROLLED_OUT:
        json["rollout"] = rollout(model, asked)
    json["warnings"] += doubts(model, asked)
    fits = True
    if asked.gpu is not None:
        fits = worst.total <= asked.capacity
        json |= {"fits": fits, "capacity": {"bytes": asked.capacity},
                 "headroom": {"bytes": asked.capacity - worst.total}, "largest": asked.largest,
                 "remedies": [remedy._asdict() for remedy in asked.remedies]}
    return Answer(json, (_table(model, devices, asked),), failed=not fits)


def rollout(model: Model, asked: Asked) -> dict[str, int]:
    """Bytes of the engine that generates what is trained on: its weights, and the cache of a whole sequence."""
    from paramcalc.measures.cache import Serving, exact, mixers, types
    from paramcalc.measures.weights import weight_bytes

    dtype = asked.recipe.compute_dtype or asked.recipe.dtype
    cache = exact(mixers(model.tree), Serving(asked.load.seq, 1, asked.load.source), types(dtype))
    return {"weights": weight_bytes(model.tree, dtype).total, "cache_per_sequence": cache.bytes}


def known_figures(model: Model, asked: Asked) -> dict[str, Known]:
    """How each figure is known: states as the parameters are, activations as far as they are described."""
    states, weights = sizes_known(model.spec), of_model(model.spec, "weights")
    activations = least(states, "bound" if asked.unknown else "estimate")
    worst = least(weights, activations)
    return {"weights": weights, **dict.fromkeys((*EXACT[1:], PARTS[-1]), states), "activations": activations,
            **dict.fromkeys(("logits", *ESTIMATES), least(states, "estimate")), "total": worst,
            "max_device_bytes": worst, "trainable": states}


def doubts(model: Model, asked: Asked) -> list[str]:
    """What may be wrong with the activations: parts nobody described, a class nobody measured."""
    from paramcalc.activations.class_facts import class_facts
    from paramcalc.activations.class_rows import MEASURED

    family, said = model.spec.family, [*asked.load.media.notes]
    if asked.unknown:
        said.append(f"activations of {', '.join(asked.unknown)} are not known and left out")
    if asked.policy.library == "transformers" and family and family not in MEASURED:
        said.append(f"activations follow the components; they are not held to what the class of {family} keeps")
    own = asked.policy.library == "transformers" and class_facts(model.spec).own_attention
    if own and asked.policy.attention != "eager":
        said.append(f"the class of {family or 'the model'} attends in its own way: --attention eager is what it runs")
    return said


def device_json(device: Device) -> dict[str, int]:
    """Bytes of a device."""
    return {"stage": device.stage, **{part: getattr(device, part) for part in PARTS}, "total": device.total,
            "peak": device.total, "moment": device.moment}


def assumptions(asked: Asked) -> dict[str, Any]:
    """Everything that was taken as given."""
    recipe, layout, load, policy = asked.recipe, asked.layout, asked.load, asked.policy
    return {
        "seq": load.seq, **load.media.summary(), "micro_batch": load.batch, "dtype": recipe.dtype,
        "compute_dtype": recipe.compute_dtype or recipe.dtype,
        "grad_dtype": recipe.grad_dtype or recipe.dtype,
        "master_weights": "fp32" if recipe.master and recipe.dtype not in ("fp32", "float32") else "none",
        "optimizer": recipe.optimizer, "loss": "fused" if recipe.fused_loss else "plain",
        "method": recipe.method, "recompute": policy.recompute, "attention": policy.attention,
        "activations": policy.library,
        "zero": layout.zero, "tp": layout.tp, "pp": layout.pp, "ep": layout.ep, "cp": layout.cp, "dp": layout.dp,
        "sequence_parallel": layout.plan.sequence, "interleave": layout.interleave,
        "micro_batches": layout.micro_batches,
        "exact": list(EXACT), "activations_are": "what the policy's forward pass saves for backward",
        "logits_are": "what the loss saves, on the last stage",
        "total_is": "what is held at the fullest moment of a step, which `moment` names; with --micro-batches 1 there "
                    "are no gradients while activations are at their most",
        "working_is": "logits and gradients of the loss, a layer computed again, gradients not yet divided",
        "communication_is": "weights gathered under ZeRO-3, and copies in the type of products",
        "left_out": "what the allocator reserves beyond what is allocated (1 to 8 % in logs that print both), kernels' "
                    "workspace, the CUDA context",
    }


def shown(devices: list[Device]) -> tuple[str, ...]:
    """The parts there are: models beside the trained one only where a method has some."""
    return PARTS if any(device.other_models for device in devices) else PARTS[:-1]


def why(devices: list[Device]) -> str:
    """Which stage is heaviest, and by what."""
    worst = max(devices, key=lambda device: device.total)
    if len(devices) == 1:
        return f"every device holds the same, most of it {_largest(worst)}"
    least = min(devices, key=lambda device: device.total)
    parts = {part: getattr(worst, part) - getattr(least, part) for part in PARTS}
    part = max(parts, key=lambda key: parts[key])
    return f"stage {worst.stage}: {binary(parts[part])} more {part.replace('_', ' ')} than stage {least.stage}"


def _largest(device: Device) -> str:
    return max(PARTS, key=lambda part: getattr(device, part)).replace("_", " ")


def _table(model: Model, devices: list[Device], asked: Asked) -> Table:
    worst = max(devices, key=lambda device: device.total)
    notes = [*bars(devices, asked), why(devices), conditions(asked), *doubts(model, asked)]
    if asked.recipe.method in ROLLED_OUT:
        sizes = rollout(model, asked)
        notes.append(f"the engine that generates, not in the total: weights {binary(sizes['weights'])} and a cache of "
                     f"{binary(sizes['cache_per_sequence'])} a sequence, on all its devices")
    notes += (f"would fit with {remedy.option}: {binary(remedy.needed)}" for remedy in asked.remedies)
    if asked.largest:
        notes.append(" · ".join(f"largest {name.replace('_', '-')}: {size:,}" for name, size in asked.largest.items()))
    if len(devices) == 1:
        rows = tuple((part.replace("_", " "), getattr(worst, part), getattr(worst, part), _known(part))
                     for part in shown(devices))
        columns = (Column("part"), Column("bytes", "bytes"), Column("share", "share"), Column(""))
        count = asked.layout.devices
        where = f"each of {count:,} devices" if count > 1 else "one device"
        return Table(f"{headline(model)}, {where}", columns, rows,
                     ("total", worst.total, worst.total, worst.moment), tuple(notes))
    stages = (Column("stage", "exact"), *(Column(part.replace("_", " "), "gib") for part in shown(devices)),
              Column("total", "gib"))
    parts = shown(devices)
    rows = tuple((device.stage, *(getattr(device, part) for part in parts), device.total) for device in devices)
    return Table(f"{headline(model)}, {asked.layout.devices} devices", stages, rows, None, tuple(notes))


def _known(part: str) -> str:
    return "exact" if part in (*EXACT, PARTS[-1]) else "estimate" if part in ESTIMATES else "policy"


def bars(devices: list[Device], asked: Asked) -> list[str]:
    """A stacked bar for each stage, of letters, against the accelerator or the heaviest."""
    whole = asked.capacity or max(device.total for device in devices)
    lines = []
    for device in devices[:SHOWN]:
        text = ""
        edge = 0
        for part in shown(devices):
            edge += getattr(device, part)
            text += LETTERS[part] * (min(BAR, edge * BAR // whole if whole else 0) - len(text))
        over = " over" if asked.capacity and device.total > asked.capacity else ""
        lines.append(f"stage {device.stage:>2} [{text.ljust(BAR, '.')}] {binary(device.total)}{over}")
    key = " ".join(f"{letter} {part.replace('_', ' ')}" for part, letter in LETTERS.items() if part in shown(devices))
    return [*lines, f"{key}, of {binary(whole)}" + (f" on {asked.gpu.name}" if asked.gpu else "")]


def conditions(asked: Asked) -> str:
    """The run in one line."""
    recipe, layout, load, policy = asked.recipe, asked.layout, asked.load, asked.policy
    shared = " ".join(f"{name} {size}" for name, size in layout._asdict().items()
                      if name in ("tp", "pp", "dp", "ep", "cp") and size > 1)
    said = [f"{load.batch} × {load.seq:,} tokens", f"{recipe.dtype}, {recipe.optimizer}",
            f"{policy.attention} attention", f"recompute {policy.recompute}", f"activations by {policy.library}",
            f"zero {layout.zero}"]
    return " · ".join([*said, *([shared] if shared else [])])
