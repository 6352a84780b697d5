"""What a Python program asks: a function for each command, with the command's numbers as objects.

A model is whatever describes one: a ModelSpec, a dict (a spec or a config.json), a config object with `to_dict()`, a
path, `hf://organisation/name`, or a preset's name. Every function raises PCError for what cannot be read or be.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Unpack, overload

from paramcalc.arguments import Changes, Jobs, Paths, checked
from paramcalc.build import build
from paramcalc.defaults import SERVING
from paramcalc.errors import UsageError
from paramcalc.readers.sources import reading_of
from paramcalc.settings import without_none

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paramcalc.answers.comparison import Comparison, Sweep
    from paramcalc.answers.count import By, Count
    from paramcalc.answers.diff import Diff
    from paramcalc.answers.estimate import Estimate
    from paramcalc.answers.explain import Explain
    from paramcalc.answers.fit import Fit
    from paramcalc.answers.fit_formats import FitFormats
    from paramcalc.answers.flops import Flops
    from paramcalc.answers.memory import Memory
    from paramcalc.answers.placement import PlacedFit, PlacedMemory
    from paramcalc.answers.scaling import Scaling
    from paramcalc.answers.solve import Solve
    from paramcalc.answers.speed import SpeedAnswer
    from paramcalc.build import Model
    from paramcalc.checks.results import Run
    from paramcalc.comparing import Question
    from paramcalc.estimates.design.settings import ScalingKeywords
    from paramcalc.estimates.design.solve_settings import SolveKeywords
    from paramcalc.estimates.device_keywords import OnDeviceKeywords
    from paramcalc.estimates.explain_settings import ExplainKeywords, Subject
    from paramcalc.estimates.settings import AudioLengths, FlopsKeywords, ImageSizes, VideoSizes
    from paramcalc.estimates.speed_settings import SpeedKeywords, SpeedSettings
    from paramcalc.measures.weights import WeightBytes
    from paramcalc.readers.models import Reading
    from paramcalc.readers.sources import Source
    from paramcalc.spec.model import ModelSpec


@checked(changes=Changes)
def read(model: Source, changes: Sequence[str] = ()) -> ModelSpec:
    """The specification of a model; `changes` are `key=value` as `--set` takes them. Raises PCError (InputError,
    SpecError, UnknownArchitectureError, NetworkError) where it cannot be read."""
    return reading_of(model, changes).spec


def build_model(model: Source) -> Model:
    """The specification with its tree: named nodes that hold tensors, states and work. Raises PCError as `read`."""
    return build(read(model))


@checked(model=str | Path, changes=Changes, strict=bool)
def load(model: str | Path, changes: Sequence[str] = (), *, strict: bool = False) -> Reading:
    """The specification a path or name stands for, with where it came from and `warnings`: what has to be said with
    its figures. With `strict`, as `--strict`, some of that is an error. Raises PCError as `read`."""
    from paramcalc.readers.models import load as load_model

    return load_model(str(model), changes, strict=strict)


@checked(by=str)
def count(model: Source, by: By = "component") -> Count:
    """Parameters: `total`, `active`, `embedding`, and `components` as pairs of parameters and active ones. Raises
    PCError as `read`."""
    from paramcalc.answers.count import count as counted

    return counted(reading_of(model), by)


@checked(dtype=str, quant=str | None)
def weights(model: Source, dtype: str = SERVING.dtype, *, quant: str | None = None) -> WeightBytes:
    """Bytes of all weights in a format, or quantized to a format or GGUF mix (`q4_k_m`). Raises PCError as `read`,
    UsageError for a format nobody knows."""
    from paramcalc.measures.weights import weight_bytes
    from paramcalc.transforms.formats import in_formats

    return weight_bytes(in_formats(build_model(model), quant).tree, dtype)


@overload
def memory(
    model: Source, context: int | str = ..., *, gpu: str | None = ..., gpu_layers: None = ..., cpu_moe: None = ...,
    tensor_split: None = ..., **settings: Unpack[OnDeviceKeywords],
) -> Memory: ...


@overload
def memory(
    model: Source, context: int | str = ..., *, gpu: None = ..., gpu_layers: int | None = ...,
    cpu_moe: int | None = ..., tensor_split: Sequence[int] | None = ..., **settings: Unpack[OnDeviceKeywords],
) -> PlacedMemory: ...


def memory(
    model: Source, context: int | str | None = None, *, gpu: str | None = None, gpu_layers: int | None = None,
    cpu_moe: int | None = None, tensor_split: Sequence[int] | None = None, **settings: Unpack[OnDeviceKeywords],
) -> Memory | PlacedMemory:
    """Bytes to serve `batch` sequences of `context` tokens: `total`, `per_device`, `cache`. As `paramcalc memory`.

    `gpu_layers`, `cpu_moe` and `tensor_split` place layers on cards and the host as llama.cpp does; the answer then has
    `host` and `placement`. Raises UsageError for settings that cannot be, or that do not apply to the model.
    """
    from paramcalc.answers.memory import memory as needed
    from paramcalc.estimates.device_keywords import on_device
    from paramcalc.estimates.settings import PlacementSettings, ServingSettings

    device, rest = on_device(gpu, settings)
    serving = ServingSettings.of(without_none(context=context) | rest)
    values = {"gpu_layers": gpu_layers, "cpu_moe": cpu_moe, "tensor_split": tensor_split}
    placement = PlacementSettings.of({name: value for name, value in values.items() if value is not None})
    if placement.is_requested:
        from paramcalc.answers.placement import placed_memory

        placement.need_alone(gpu is not None, "--gpu")
        return placed_memory(reading_of(model), serving, placement)
    return needed(reading_of(model), serving, device)


@checked(gpu=str, ram=str | None)
def fit(
    model: Source, gpu: str, context: int | str | Sequence[int | str] | None = None, *,
    ram: str | None = None, **settings: Unpack[OnDeviceKeywords],
) -> Fit | PlacedFit | FitFormats:
    """Whether it `fits`, `headroom`, `max_context` and `max_batch` on an accelerator. As `paramcalc fit`.

    Without `runtime`, by each runtime that can serve the model. With unlike cards in `gpu` (`"rtx-3090,rtx-4090"`),
    `placement` says which layers each holds. With `ram` (`"64GiB"`) llama.cpp may leave layers or experts on the host.
    With `quant="all"`, a row for each format. Raises UsageError for settings that cannot be.
    """
    from paramcalc.answers.fit import fit as fitted
    from paramcalc.estimates.device_keywords import on_device
    from paramcalc.estimates.settings import FitSettings, HostSettings

    device, rest = on_device(gpu, settings)
    serving = FitSettings.of(without_none(context=context) | rest)
    if serving.quant == "all":
        from paramcalc.answers.fit_formats import fit_formats

        return fit_formats(reading_of(model), serving, device, alone=ram is None)
    if ram is not None or "," in gpu:
        from paramcalc.answers.placement import placed_fit

        return placed_fit(reading_of(model), serving, device, HostSettings.of({"ram": ram} if ram else {}))
    return fitted(reading_of(model), serving, device)


@checked(images=tuple[tuple[int, int], ...])
def flops(
    model: Source, seq: int | str | None = None, *, images: Sequence[tuple[int, int]] = (),
    **settings: Unpack[FlopsKeywords],
) -> Flops:
    """FLOPs of `batch` sequences of `seq` new tokens: `forward`, `backward`, `components`. As `paramcalc flops`.

    `images` (or `image`) are width and height in pixels of the pictures of one sequence, `video` those of its videos
    and their frames, `audio` the lengths of its recordings: their tokens come beside the `seq` others, and the towers
    run over their patches and frames. Raises UsageError for settings that cannot be, or where the model has no rule
    for them.
    """
    from paramcalc.answers.flops import flops as counted
    from paramcalc.estimates.settings import FlopsSettings

    values = without_none(seq=seq) | settings | ({"image": images} if images else {})
    return counted(reading_of(model), FlopsSettings.of(values))


def estimate(
    model: Source, context: int | str | None = None, *, image: ImageSizes = (), video: VideoSizes = (),
    audio: AudioLengths = (),
) -> Estimate:
    """The one page of a model: `parameters`, `weights`, `cache`, `flops`. As `paramcalc estimate`, of as many tokens
    where no context is given. Raises PCError as `read`, UsageError for settings that cannot be."""
    from paramcalc.answers.estimate import estimate as estimated
    from paramcalc.estimates.settings import PageSettings

    length = without_none(context=context)
    return estimated(reading_of(model), PageSettings.of({**length, "image": image, "video": video, "audio": audio}))


def scaling(model: Source | None = None, **settings: Unpack[ScalingKeywords]) -> Scaling:
    """A training run by a scaling law: `over_trained`, `optimal`, `extra_compute`. As `paramcalc scaling`.

    Without a model, the optimum of `tokens`, `compute`, `loss` or of `gpu`, `gpus` and `days`. `fit` names a CSV file
    of runs to fit a law to (extra `fit`); alone, its optimum is for the compute of the largest run. Raises PCError as
    `read`, UsageError for settings that cannot be.
    """
    from paramcalc.answers.scaling import fitted_law
    from paramcalc.answers.scaling import scaling as answered
    from paramcalc.estimates.design.settings import ScalingSettings

    chosen = ScalingSettings.of(settings)
    chosen.check()
    reading = None if model is None else reading_of(model)
    return answered(reading, build(reading.spec) if reading else None, chosen, fitted_law(chosen))


@checked(changes=Changes, jobs=Jobs)
def solve(
    like: Source = "llama-3.1-8b", changes: Sequence[str] = (), jobs: int = 1, **settings: Unpack[SolveKeywords],
) -> Solve:
    """Architectures of a given size in the shape of a model: `candidates`, each with its `set`. As `paramcalc solve`.

    A size with a unit (`"1.5B"`) is as exact as its digits; one without is exact. Sizes among `changes` stay. Raises
    PCError as `read`, UsageError for sizes and limits no shape can have.
    """
    from paramcalc.answers.solve import solve as solved
    from paramcalc.estimates.design.solve_settings import SolveSettings

    return solved(reading_of(like, changes), SolveSettings.of(settings), changes, jobs=jobs)


@checked(changes=Changes, jobs=Jobs)
def compare(
    *models: Source, context: int | str | None = None, gpu: str | None = None, changes: Sequence[str] = (),
    jobs: int = 1, **serving: Unpack[OnDeviceKeywords],
) -> Comparison:
    """One row a model: `rows`, or the answer itself, which pandas and polars take as it is. As `paramcalc compare`.

    A model that cannot be read is a row with its error. Raises UsageError for settings that cannot be.
    """
    from paramcalc.comparing import compare as compared

    return compared(models, _question(context, gpu, changes, serving), jobs=jobs)


@checked(axes=Changes, changes=Changes, jobs=Jobs)
def sweep(
    model: Source, *axes: str, context: int | str | None = None, gpu: str | None = None,
    changes: Sequence[str] = (), jobs: int = 1, **serving: Unpack[OnDeviceKeywords],
) -> Sweep:
    """One row a combination of `num_layers=16..48:8`, `hidden_size=1024,2048`. As `paramcalc sweep`. Raises PCError
    where the model cannot be read, UsageError for values or settings that cannot be."""
    from paramcalc.comparing import sweep as swept

    return swept(model, axes, _question(context, gpu, changes, serving), jobs=jobs)


def _question(
    context: int | str | None, gpu: str | None, changes: Sequence[str], serving: OnDeviceKeywords,
) -> Question:
    from paramcalc.comparing import Question
    from paramcalc.estimates.device_keywords import on_device
    from paramcalc.estimates.settings import ServingSettings

    device, rest = on_device(gpu, serving)
    return Question(ServingSettings.of(without_none(context=context) | rest), device, tuple(changes))


@checked(glob=str)
def explain(
    model: Source, glob: str = "*", *, of: Subject | None = None, **settings: Unpack[ExplainKeywords],
) -> Explain:
    """Each tensor, state or product whose name fits, as a sequence: formula, values, copies, `amount` and source.

    `of`: parameters, where nothing is said; bytes of `weights`, `cache` or `optimizer` states; `flops` of a forward
    pass; `keys`: which keys of the spec or config move which figures. As `paramcalc explain`. Raises
    UsageError where nothing fits, or for settings without effect on what is explained.
    """
    from paramcalc.answers.explain import explain as explained
    from paramcalc.estimates.explain_settings import ExplainSettings

    return explained(reading_of(model), ExplainSettings.of(without_none(about=of) | settings), glob)


@checked(changes=Changes)
def what_if(model: Source, *changes: str) -> ModelSpec:
    """The specification with numbers scaled or replaced: `hidden_size=2x`, `vocab_size=256000`. Raises PCError as
    `read`, UsageError for a field it does not have."""
    from paramcalc.spec.what_if import changed

    return changed(read(model), changes)


def diff(old: Source, new: Source) -> Diff:
    """What changed between two models: `figures`, `components`, `tensors`, `same`. Raises PCError as `read`."""
    from paramcalc.answers.diff import diff as compared

    return compared(reading_of(old), reading_of(new))


def convert(model: Source) -> str:
    """The model as a YAML spec of the same tensors, as `paramcalc convert` writes it. Raises PCError as `read`."""
    from paramcalc.answers.convert import convert as converted
    from paramcalc.reports.spec_yaml import spec_yaml

    return spec_yaml(converted(reading_of(model)).spec)


@checked(paths=Paths)
def check(*paths: str | Path) -> Run:
    """Every finding of the specs and configs under the paths: `checked`, `failed`, `findings`, `exit_code`.

    All rules hold; what a pyproject.toml selects and a paramcalc.lock records is the business of the command.
    """
    from paramcalc.checks.finder import find
    from paramcalc.checks.run import check as checked

    return checked(find([Path(path) for path in paths]))


def speed(
    model: Source, gpu: str | None = None, *, settings: SpeedSettings | None = None, **keywords: Unpack[SpeedKeywords],
) -> SpeedAnswer:
    """How fast it is served: `points`, one for each `concurrency`, each figure with its range; `basis`. As `paramcalc
    speed`; `settings` in place of keywords. With `all=True`, `devices` has a row for each accelerator.
    Raises PCError as `read`, UsageError for settings that cannot be or a device whose speed nobody knows."""
    from paramcalc.answers.speed import speed as predicted
    from paramcalc.estimates.speed_settings import SpeedSettings

    values: dict[str, object] = dict(keywords) | ({} if gpu is None else {"gpu": gpu})
    if "output" in values:
        values["output_tokens"] = values.pop("output")
    if settings is None:
        settings = SpeedSettings.of(values)
    elif not isinstance(settings, SpeedSettings) or values:
        raise UsageError("settings: expected SpeedSettings in place of all keywords")
    return predicted(reading_of(model), settings)
