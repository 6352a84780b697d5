"""What a Python program asks: a function for each command, with the command's numbers as objects.

A model is whatever describes one: a ModelSpec, a dict (a spec or a config.json), a config object with `to_dict()`, a
path, `hf://organisation/name`, or a preset's name. Every function raises PCError for what cannot be read or be.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from paramcalc.build import build
from paramcalc.readers.sources import loaded_of
from paramcalc.settings import DEFAULT_TOKENS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paramcalc.activations.policy import AttentionKernel, Library, Recompute
    from paramcalc.answers.count import By, Count
    from paramcalc.answers.fit import Fit
    from paramcalc.answers.memory import Memory
    from paramcalc.answers.speed import SpeedAnswer
    from paramcalc.build import Model
    from paramcalc.checks.diff import Difference
    from paramcalc.checks.results import Run
    from paramcalc.estimates.layouts import Candidate
    from paramcalc.estimates.run import TrainingRun
    from paramcalc.estimates.run_settings import RunKeywords
    from paramcalc.estimates.settings import ServingKeywords
    from paramcalc.estimates.speed_settings import SpeedKeywords, SpeedSettings
    from paramcalc.estimates.training import Method
    from paramcalc.estimates.training_parts import Device
    from paramcalc.measures.attention_pairs import Convention
    from paramcalc.measures.explain import Formula
    from paramcalc.measures.flops import Flops
    from paramcalc.measures.weights import WeightBytes
    from paramcalc.readers.sources import Source
    from paramcalc.spec.images import Cut
    from paramcalc.spec.model import ModelSpec


def read(model: Source, changes: Sequence[str] = ()) -> ModelSpec:
    """The specification of a model; `changes` are `key=value` as `--set` takes them."""
    return loaded_of(model, changes).spec


def build_model(model: Source) -> Model:
    """The specification with its tree: named nodes that hold tensors, states and work."""
    return build(read(model))


def count(model: Source, by: By = "component") -> Count:
    """Parameters: `total`, `active`, `embedding`, and `components` as pairs of parameters and active ones."""
    from paramcalc.answers.count import count as counted

    return counted(loaded_of(model), by)


def weights(model: Source, dtype: str = "bf16", *, quant: str | None = None) -> WeightBytes:
    """Bytes of all weights in a format, or quantized to a format or GGUF mix (`q4_k_m`)."""
    from paramcalc.measures.weights import weight_bytes
    from paramcalc.transforms.formats import in_formats

    return weight_bytes(in_formats(build_model(model), quant).tree, dtype)


def memory(
    model: Source, context: int | str = DEFAULT_TOKENS, *, gpu: str | None = None, **settings: Unpack[ServingKeywords],
) -> Memory:
    """Bytes to serve `batch` sequences of `context` tokens: `total`, `per_device`, `cache`. As `paramcalc memory`.

    Raises UsageError for settings that cannot be, or that do not apply to the model.
    """
    from paramcalc.answers.memory import memory as needed
    from paramcalc.estimates.settings import DeviceSettings, ServingSettings

    serving = ServingSettings.of({"context": context, **settings})
    return needed(loaded_of(model), serving, DeviceSettings.of({"gpu": gpu}))


def fit(
    model: Source, gpu: str, context: int | str | Sequence[int | str] = DEFAULT_TOKENS, *,
    gpu_memory_utilization: float | str | None = None, **settings: Unpack[ServingKeywords],
) -> Fit:
    """Whether it `fits`, `headroom`, `max_context` and `max_batch` on an accelerator. As `paramcalc fit`.

    Without `runtime`, by each runtime that can serve the model. Raises UsageError for settings that cannot be.
    """
    from paramcalc.answers.fit import fit as fitted
    from paramcalc.estimates.settings import DeviceSettings, FitSettings

    serving = FitSettings.of({"context": context, **settings})
    device = DeviceSettings.of({"gpu": gpu, "gpu_memory_utilization": gpu_memory_utilization})
    return fitted(loaded_of(model), serving, device)


def train(
    model: Source, seq: int = 2048, *, micro_batch: int = 1, dtype: str = "bf16", quant: str | None = None,
    compute_dtype: str | None = None, grad_dtype: str | None = None, master: bool = True, optimizer: str = "adamw",
    method: Method = "sft", recompute: Recompute = "none", attention: AttentionKernel = "flash",
    activations: Library = "transformers", zero: int = 0, tp: int = 1, pp: int = 1,
    ep: int = 1, cp: int = 1, dp: int = 1, lora_rank: int | None = None,
    lora_targets: Sequence[str] = ("all-linear",),
) -> list[Device]:
    """Bytes on one device of each pipeline stage at the fullest moment of a step: `total` and its parts. As
    `paramcalc train`."""
    from paramcalc.activations.fold import Tokens
    from paramcalc.activations.policy import Policy
    from paramcalc.estimates.training import Layout, Recipe, Trainer
    from paramcalc.transforms.formats import in_formats
    from paramcalc.transforms.lora import Lora, adapt

    made = in_formats(build_model(model), quant or "none")
    if lora_rank is not None:
        made = adapt(made, Lora(lora_rank, tuple(lora_targets)))
    layout = Layout(tp, pp, dp, ep, cp, zero)
    batch = micro_batch * (2 if method == "dpo" else 1)  # a pair is two sequences
    policy = Policy(attention, recompute, activations, compute_dtype or dtype, batch)
    trainer = Trainer(made, Recipe(dtype, grad_dtype, master, optimizer, compute_dtype=compute_dtype, method=method))
    return trainer.devices(layout, Tokens(batch, seq, seq), policy)


def flops(
    model: Source, seq: int = 2048, *, batch: int = 1, past: int = 0, source: int | None = None,
    convention: Convention = "full", head: str = "all", images: Sequence[tuple[int, int]] = (),
) -> Flops:
    """FLOPs of `batch` sequences of `seq` new tokens: `forward`, `backward`, `components`. As `paramcalc flops`.

    `images` are width and height in pixels of the pictures of one sequence: their tokens come beside the `seq` others,
    and the towers run over their patches. Raises UsageError where the model has no rule for pictures.
    """
    from paramcalc.measures.flops import Workload
    from paramcalc.measures.flops import flops as counted

    spec = read(model)
    built, cuts = build(spec), cut_images(spec, images)
    seq += sum(cut.tokens for cut in cuts)
    load = Workload(batch, seq, past, seq if source is None else source, convention, head, cuts * batch)
    return counted(built.tree, load)


def cut_images(model: Source, images: Sequence[tuple[int, int]]) -> tuple[Cut, ...]:
    """What pictures of these widths and heights in pixels become: tokens in the prompt, patches in the tower.

    By the rule of the model's processor, with the settings of a preprocessor_config.json beside a config.json, else the
    defaults of its class. Raises UsageError where the model has no such rule or a size cannot be.
    """
    from pydantic_core import PydanticCustomError

    from paramcalc.errors import Problem, UsageError

    rule = read(model).images
    if images and rule is None:
        raise UsageError(Problem("how this model's processor cuts pictures is not known", hint="give tokens as --seq"))
    try:
        return tuple(rule.cut(*size) for size in images) if rule is not None else ()
    except PydanticCustomError as error:
        raise UsageError(Problem(str(error.message()))) from error


def explain(model: Source, glob: str = "*") -> list[Formula]:
    """Each tensor whose name fits: formula, values, copies and source."""
    from paramcalc.measures.explain import explain as explained

    return explained(build(read(model), explain=True).tree, glob)


def what_if(model: Source, *changes: str) -> ModelSpec:
    """The specification with numbers scaled or replaced: `hidden_size=2x`, `vocab_size=256000`."""
    from paramcalc.spec.what_if import changed

    return changed(read(model), changes)


def diff(old: Source, new: Source) -> Difference:
    """What changed between two models: figures, components, tensors."""
    from paramcalc.checks.diff import difference

    return difference(build_model(old), build_model(new))


def convert(model: Source) -> str:
    """The model as a YAML spec that counts the same, tensor by tensor."""
    from paramcalc.reports.spec_yaml import spec_yaml
    from paramcalc.spec.dump import dump

    return spec_yaml(dump(read(model)))


def check(*paths: str | Path) -> Run:
    """Every finding of the specs and configs under the paths: `checked`, `failed`, `findings`, `exit_code`.

    All rules hold; what a pyproject.toml selects and a paramcalc.lock records is the business of the command.
    """
    from paramcalc.checks.finder import find
    from paramcalc.checks.run import check as checked

    return checked(find([Path(path) for path in paths]))


def training_run(
    model: Source, tokens: int | str, gpu: str, gpus: int = 1, **keywords: Unpack[RunKeywords],
) -> TrainingRun:
    """A whole training run: `days`, `gpu_hours`, `energy_kwh`, `co2_kg`, `cost_usd`, each with its range. As
    `paramcalc train --tokens`."""
    from paramcalc.estimates.run_settings import RunSettings
    from paramcalc.estimates.training_plan import plan, whole_run

    settings = RunSettings.of(dict(keywords) | {"tokens": tokens, "gpu": gpu, "gpus": gpus})
    terms = settings.terms()
    assert terms is not None  # noqa: S101 - there are tokens
    return whole_run(plan(build_model(model), settings), terms)


def layouts(model: Source, gpu: str, gpus: int, **keywords: Unpack[RunKeywords]) -> list[Candidate]:
    """Layouts of so many devices that fit, the fastest first. As `paramcalc train --search`."""
    from paramcalc.estimates.run_settings import RunSettings
    from paramcalc.estimates.training_plan import fitting

    return fitting(build_model(model), RunSettings.of(dict(keywords) | {"gpu": gpu, "gpus": gpus}))[0]


def speed(
    model: Source, gpu: str | None = None, *, settings: SpeedSettings | None = None, **keywords: Unpack[SpeedKeywords],
) -> SpeedAnswer:
    """How fast it is served: `points`, one for each `concurrency`, each figure with its range; `basis`. As `paramcalc
    speed`; `settings` in place of keywords. With `all=True`, `devices` has a row for each accelerator."""
    from paramcalc.answers.speed import speed as predicted
    from paramcalc.estimates.speed_settings import SpeedSettings

    values: dict[str, object] = dict(keywords) | ({} if gpu is None else {"gpu": gpu})
    if "output" in values:
        values["output_tokens"] = values.pop("output")
    return predicted(loaded_of(model), settings or SpeedSettings.of(values))
