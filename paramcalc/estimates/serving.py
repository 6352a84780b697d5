"""From the settings of serving to a model made ready, an accelerator as a runtime uses it, and a command line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol, get_args

from paramcalc.catalog.accelerators import accelerators, find_accelerator
from paramcalc.catalog.formats import find_format, formats
from paramcalc.catalog.gguf_architectures import gguf_architectures
from paramcalc.catalog.runtimes import PLAIN, format_class, server
from paramcalc.components.moe import MixtureOfExperts
from paramcalc.defaults import SERVING
from paramcalc.errors import Problem, UsageError
from paramcalc.estimates.effects import need
from paramcalc.estimates.inference import Prepared, Setup
from paramcalc.estimates.machine import Machine
from paramcalc.estimates.runtimes import PLACING, Runtime, ServingRuntime, profile_of
from paramcalc.repositories import BEFORE, REPOSITORY
from paramcalc.spec.quantize import KEEP
from paramcalc.transforms.gguf_mix import is_file_type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paramcalc.build import Model
    from paramcalc.catalog.accelerators import Accelerator
    from paramcalc.estimates.settings import DeviceSettings, FitSettings, FormatSettings, RuntimeSettings
    from paramcalc.spec.model import ModelSpec


class Placed(Protocol):
    """What of a placement its command line says."""

    @property
    def layers(self) -> int:
        """Number of layers of the model, without its output."""

    @property
    def gpu_layers(self) -> int:
        """Layers on cards, the output as one of them."""

    @property
    def cpu_moe(self) -> int:
        """First layers whose experts are on the host."""

    @property
    def tensor_split(self) -> tuple[int, ...]:
        """Relative share of each card, where it is said."""

    @property
    def kv_dtype(self) -> str:
        """Data type of keys and values in the cache."""


ADDRESS = re.compile(f"{BEFORE}({REPOSITORY})")
SERVERS: tuple[ServingRuntime, ...] = get_args(ServingRuntime)
"""Runtimes asked where none is named."""
MTP = "mtp"
"""Drafts by the model's own multi-token prediction layers."""


def prepare(model: Model, settings: RuntimeSettings, runtime: str | None = None, draft: Model | None = None,
            ) -> Prepared:
    """The model, quantized and divided, as its runtime or another holds it; `draft` is the model `settings` names.
    Raises UsageError for settings that do not go together or do not apply to the model."""
    if settings.draft_tokens is not None and settings.draft is None:
        raise UsageError(Problem("--draft-tokens has no effect without --draft", hint="--draft mtp"))
    need(settings, ("imatrix",), present=settings.quant is not None and is_file_type(settings.quant), what="a GGUF mix",
         hint="--quant q4_k_m")
    need(settings, ("lora_rank",), present=bool(settings.loras), what="--loras", hint="--loras 4")
    model = with_draft(model) if settings.draft == MTP else model
    name = runtime or settings.runtime or SERVING.runtime
    engine = Runtime(name, (*_drafted(settings, name), *settings.runtime_options))
    return Prepared(model, engine, Setup(settings.dtype, settings.quant, settings.kv_dtype, settings.tp, settings.pp,
                                        settings.ep, settings.gpus, settings.imatrix, settings.dp, settings.loras,
                                        settings.lora_rank, settings.tower_parallel), draft)


def with_draft(model: Model) -> Model:
    """The model with its multi-token prediction layers in its tree: loaded, and with a cache of their own. They share
    the table and the head, as vLLM, SGLang and llama.cpp run them. Raises UsageError for a model without any."""
    layers = model.apart.get("mtp")
    if layers is None:
        raise UsageError(Problem(f"{model.spec.name or 'the model'} has no multi-token prediction layers to draft with",
                                 hint="leave --draft mtp out"))
    apart = {name: tree for name, tree in model.apart.items() if name != "mtp"}
    return model._replace(tree=model.tree.replace(children=(*model.tree.children, *layers.children)), apart=apart)


def _drafted(settings: RuntimeSettings, runtime: str) -> tuple[str, ...]:
    """The runtime's own option for states it keeps for drafted tokens."""
    word = profile_of(runtime).drafts
    return (f"{word}={settings.draft_tokens or SERVING.draft_tokens}",) if settings.draft is not None and word else ()


def machine_of(settings: DeviceSettings, prepared: Prepared) -> Machine | None:
    """The accelerator named, as the runtime uses it; None where none is named."""
    if settings.gpu is None:
        return None
    device = find_accelerator(settings.gpu, settings.accelerators)
    return Machine(device, prepared.runtime, settings.share, prepared.devices)


def cards_of(settings: DeviceSettings, serving: FormatSettings) -> list[Machine]:
    """Each card that is named, as llama.cpp uses it: several names, or one name `gpus` times. Raises UsageError for
    both at once."""
    names = [name.strip() for name in (settings.gpu or "").split(",") if name.strip()]
    if len(names) > 1 and serving.gpus is not None:
        raise UsageError(Problem("--gpus has no effect where --gpu names each GPU", hint="leave --gpus out"))
    names = names if len(names) > 1 else names * (serving.gpus or 1)
    runtime = Runtime(PLACING)
    return [Machine(find_accelerator(name, settings.accelerators), runtime, settings.share) for name in names]


def machines(settings: DeviceSettings, prepared: Prepared) -> list[Machine]:
    """Every accelerator of the catalog, and of the user's file, whose memory is known."""
    return [Machine(device, prepared.runtime, settings.share, prepared.devices)
            for device in accelerators(settings.accelerators).values() if device.capacity_bytes is not None]


def why_not_served(runtime: str, spec: ModelSpec, quant: str | None, device: Accelerator, release: str = "") -> str:
    """Why a runtime does not serve a model on these devices, in the format that is asked for or in those of its own;
    empty where nothing says so. `release` is one of the runtime that is stated, such as `0.11`."""
    facts = server(runtime)
    if profile_of(runtime).gguf and spec.encodes and not gguf_architectures(spec.family):
        return f"no converter of {runtime} knows {spec.family or 'this encoder with its decoder'}"
    own = dict.fromkeys(rule.format for rule in spec.quantize if rule.format != KEEP)
    formats = [quant] if quant is not None or not own else list(own)
    return "" if facts is None else next(filter(None, (facts.why_not(name, device, release) for name in formats)), "")


def unserved(why: Mapping[str, Problem]) -> Problem:
    """That no runtime serves a model, with the reasons: each once, with those that have it; alone where all do."""
    by_reason: dict[str, list[str]] = {}
    for runtime, problem in why.items():
        by_reason.setdefault(problem.message.removeprefix(f"{runtime} "), []).append(runtime)
    hint = next((problem.hint for problem in why.values() if problem.hint), "")
    if len(by_reason) == 1:  # nothing of a runtime: the accelerator, the format or the sizes
        return Problem(next(iter(by_reason)), hint=hint)
    reasons = [f"{', '.join(names)}: {reason}" for reason, names in by_reason.items()]
    return Problem("; ".join(["no runtime serves this", *reasons]), hint=hint)


def command_of(machine: Machine, spec: ModelSpec, settings: FitSettings, prepared: Prepared, context: int) -> str:
    """The command line that serves sequences of so many tokens on such devices by the runtime it is prepared for;
    empty for the bound, which is none."""
    runtime, device = prepared.runtime.name, machine.device
    if prepared.runtime.profile.gguf:
        return " ".join(_llama_server(spec, settings, prepared, settings.kv_dtype or "", 999))
    facts, plan = server(runtime), prepared.plan
    if facts is None:
        return ""
    kind = format_class(settings.quant)
    tp, dp, attention = plan.tp, settings.dp or 1, 1
    if dp > 1 and "attention_dp" in facts.options and _has_experts(prepared.model):
        tp, dp, attention = tp * dp, 1, dp  # groups inside that of tensor parallelism, among which experts are divided
    shares = {name: size if size > 1 else None for name, size in (
        ("tp", tp), ("pp", plan.pp), ("ep", plan.ep), ("dp", dp), ("attention_dp", attention))}
    adapters = {"loras": settings.loras, "lora_rank": settings.lora_rank} if settings.loras else {}
    plain = settings.dtype if kind == PLAIN and settings.is_set("dtype") else ""
    if kind == PLAIN and not spec.quantize and device.without(settings.dtype):
        plain = "fp16"  # as servers ask for there; it takes as many bytes
    formats = {plain: plain} if plain else {kind: kind}
    return facts.command(published_name(spec), context, settings.batch, **shares, **adapters,
                         tower_parallel=settings.tower_parallel,
                         kv_dtype=settings.kv_dtype, utilization=_utilization(machine), **_drafting(settings, prepared),
                         **formats)


def _has_experts(model: Model) -> bool:
    return any(isinstance(node.part, MixtureOfExperts) for node in model.tree.nodes())


def _utilization(machine: Machine) -> str | None:
    """The share of a device that was asked for, as a decimal fraction."""
    return None if machine.requested_share is None else f"{machine.requested_share[0] / machine.requested_share[1]:.6g}"


def _drafting(settings: FitSettings, prepared: Prepared) -> dict[str, tuple[int | str, ...]]:
    """What drafts: tokens drafted, tokens verified with the one before them, and the model beside, if there is one."""
    if settings.draft is None:
        return {}
    tokens = settings.draft_tokens or 1
    if settings.draft == MTP or prepared.draft is None:
        return {MTP: (tokens, tokens + 1)}
    return {"draft": (tokens, tokens + 1, published_name(prepared.draft.spec))}


def published_name(spec: ModelSpec) -> str:
    """The repository of the hub the model's source names, which servers load; else its name."""
    match = ADDRESS.match(spec.source or "")
    return match[1] if match else spec.name


def placed_command(spec: ModelSpec, settings: FitSettings, placement: Placed) -> str:
    """The command line of a placement on cards and host."""
    all_on_gpu = placement.gpu_layers > placement.layers
    words = _llama_server(spec, settings, None, placement.kv_dtype, 999 if all_on_gpu else placement.gpu_layers)
    words += [f"--n-cpu-moe {placement.cpu_moe}"] if placement.cpu_moe else []
    words += [f"-ts {','.join(map(str, placement.tensor_split))}"] if placement.tensor_split else []
    return " ".join(words)


def _file_format(spec: ModelSpec, settings: FitSettings) -> str:
    """The format that names a GGUF file: the one asked for, else that of the model's own that such files can hold."""
    own = (rule.format for rule in spec.quantize if rule.format != KEEP)
    own_type = next((name for name in own if f"ggml_{name}" in formats() or find_format(name).ggml_type is not None),
                    None)
    return settings.quant or (None if settings.is_set("dtype") else own_type) or settings.dtype


def _llama_server(
    spec: ModelSpec, settings: FitSettings, prepared: Prepared | None, kv_dtype: str, gpu_layers: int,
) -> list[str]:
    words = ["llama-server", f"-m {spec.name}-{_file_format(spec, settings)}.gguf".lower(), f"-ngl {gpu_layers}",
             f"-c {settings.context[-1] * settings.batch}", f"-np {settings.batch}"]
    if prepared is not None and prepared.draft is not None and settings.draft != MTP:
        words.append(f"-md {prepared.draft.spec.name}-{_file_format(prepared.draft.spec, settings)}.gguf".lower())
    words += [f"--lora adapter-{number + 1}.gguf" for number in range(settings.loras)]
    key, _, value = kv_dtype.replace("fp16", "f16").partition(",")
    return [*words, *([f"-ctk {key} -ctv {value or key}"] if key not in ("", "f16") else [])]
