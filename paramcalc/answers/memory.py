"""`memory`: bytes to serve a model, on each device and on all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from paramcalc.answers.answer import Answer, head, hidden, json_key
from paramcalc.answers.drafts import draft_model
from paramcalc.estimates import inference
from paramcalc.estimates.effects import within_positions
from paramcalc.estimates.machine import Machine
from paramcalc.estimates.media import media_of
from paramcalc.estimates.pool import Pool
from paramcalc.estimates.runtimes import BOUND
from paramcalc.estimates.serving import machine_of, prepare
from paramcalc.measures.cache import Line, Serving
from paramcalc.measures.certainty import Certainty, least
from paramcalc.measures.header_certainty import cache_unknown
from paramcalc.tree import StateKind

if TYPE_CHECKING:
    from paramcalc.build import Model
    from paramcalc.estimates.settings import DeviceSettings, ServingSettings
    from paramcalc.readers.models import Reading


class Bytes(NamedTuple):
    """Bytes on all devices together."""

    bytes: int
    known: Certainty


class Size(NamedTuple):
    """Bytes of all devices together; negative where they are missing."""

    bytes: int


class WeightBytes(NamedTuple):
    """Weights on all devices together."""

    bytes: int
    """As they are loaded: in the engine's layouts, tables and blocks of the allocator among them."""
    known: Certainty
    on_disk: int
    """Of the model's files: each matrix once, with what an engine may leave out (multi-token prediction)."""
    file_head: int
    """Of them, beside tensors: the vocabulary in a GGUF file, an estimate."""
    rotary_table: int
    """Of them tables of cosines and sines."""
    allocator: int
    """Of them what allocators give beyond what is asked for."""


class CacheLine(NamedTuple):
    """States of one kind and reach, over all layers that have them."""

    name: str
    kind: StateKind
    layers: int
    cells: int
    """Tokens a sequence has room for."""
    bytes: int
    bytes_per_token: int


class CacheBytes(NamedTuple):
    """What is kept between tokens, on all devices together."""

    bytes: int
    known: Certainty
    bytes_per_token: int
    """Growth for one more token of one sequence at this context."""
    kv_bytes: int
    state_bytes: int
    lines: tuple[CacheLine, ...]

    @property
    def per_token(self) -> int:
        """Growth for one more token of one sequence at this context."""
        return self.bytes_per_token


class DeviceMemory(NamedTuple):
    """Bytes on one device."""

    device: int
    stage: int
    weights: int
    cache: int
    activations: int
    overhead: int
    total: int


@dataclass(frozen=True, kw_only=True)
class Memory(Answer):
    """Bytes to serve a model: weights and cache exactly, activations and overhead as estimates."""

    command: ClassVar[str] = "memory"
    weights: WeightBytes
    cache: CacheBytes
    activations: Bytes
    overhead: Bytes
    whole: Bytes = json_key("total")
    per_device: tuple[DeviceMemory, ...]
    pool: Pool | None = None
    """What a runtime that reserves its cache beforehand makes of the rest of a device."""
    reserved: Size | None = None
    """What such a runtime takes of all devices, whatever is served."""
    result: inference.Memory = hidden()
    machine: Machine | None = hidden(default=None)

    @property
    def total(self) -> inference.Parts:
        """Bytes of all devices together, by part."""
        return self.result.total


def memory(reading: Reading, serving: ServingSettings, device: DeviceSettings) -> Memory:
    """The bytes it takes to serve a model at a context and batch."""
    start = head(reading)
    prepared = prepare(start["built"], serving, draft=draft_model(serving))
    media = media_of(serving, start["built"].spec)
    serving, start["length"] = within_positions(serving, start["built"].spec, media)
    load = Serving(media.sequence(serving.context), serving.batch, serving.source, media)
    result = inference.memory(prepared, load)
    return Memory(**fields_of(start, result, machine_of(device, prepared)))


def file_sizes(prepared: inference.Prepared) -> tuple[int, int]:
    """Bytes of the model's files: of the files together, and of what in them is not a tensor."""
    return prepared.on_disk + prepared.file_head, prepared.file_head


def fields_of(start: dict[str, Any], result: inference.Memory, machine: Machine | None) -> dict[str, Any]:
    """The fields of `Memory`, which `fit` has as well, from the head of an answer."""
    model: Model = start["built"]
    levels_of = levels(model, result)
    total, cache = result.total, result.cache
    numbers = [stage.number for stage in result.prepared.stages for _ in range(stage.devices)]
    pool = machine.pool(result) if machine is not None else None
    without = "" if machine is None else machine.device.without(result.prepared.dtype)
    return start | {
        "notes": tuple(filter(None, (without,))),
        "warnings": (*start["warnings"], *result.serving.media.notes, *(
            caveat.reason for caveat in result.prepared.caveats if caveat not in model.spec.caveats)),
        "assumptions": assumptions(model, result, machine),
        "weights": WeightBytes(total.weights, levels_of["weights"], *file_sizes(result.prepared), result.rotary,
                               result.slack),
        "cache": CacheBytes(cache.bytes, levels_of["cache"], cache.per_token, cache.kv_bytes, cache.state_bytes,
                            tuple(map(_line, cache.lines))),
        "activations": Bytes(total.activations, levels_of["activations"]),
        "overhead": Bytes(total.overhead, levels_of["overhead"]), "whole": Bytes(total.total, levels_of["total"]),
        "per_device": tuple(DeviceMemory(device, stage, *part, part.total) for device, (stage, part) in
                            enumerate(zip(numbers, result.per_device, strict=True))),
        "pool": pool, "reserved": None if pool is None or machine is None else Size(
            machine.share * result.prepared.devices), "result": result, "machine": machine}


def levels(model: Model, result: inference.Memory) -> dict[str, Certainty]:
    """How each part is known. Without a runtime the total is a lower bound: no runtime's overhead is in it."""
    prepared = result.prepared
    exact = prepared.runtime.name == BOUND
    cache: Certainty = "unknown" if cache_unknown(model) else prepared.level("cache")
    weights = prepared.weight_certainty
    estimate = prepared.level("flops", at_best="bound" if exact else "estimate")
    partial: Certainty = "bound" if exact or cache == "unknown" else "estimate"
    return {"weights": weights, "cache": cache, "activations": estimate, "overhead": estimate,
            "total": least(weights, partial, "exact" if cache == "unknown" else cache, estimate)}


def _line(line: Line) -> CacheLine:
    return CacheLine(line.name, line.kind, line.layers, line.cells, line.bytes, line.per_token)


def _beside(prepared: inference.Prepared) -> dict[str, object]:
    """What is held beside the model."""
    beside: dict[str, object] = {}
    if prepared.draft is not None:
        beside["draft"] = {"name": prepared.draft.spec.name,
                           "shares": "nothing: it has its own embedding, head and cache"}
    if prepared.setup.loras:
        beside["loras"] = {"count": prepared.setup.loras, "rank": prepared.setup.lora_rank,
                           "on": "every linear layer of the text model"}
    return beside


def assumptions(model: Model, result: inference.Memory, machine: Machine | None) -> dict[str, object]:
    """Everything that was taken as given."""
    prepared, setup, runtime = result.prepared, result.prepared.setup, result.prepared.runtime
    plan, types = prepared.plan, prepared.cache_types
    kv = types.key.name if types.key.name == types.value.name else f"{types.key.name},{types.value.name}"
    levels_of = levels(model, result)
    terms: dict[str, object] = {
        "context": result.serving.context, "batch": result.serving.batch, "source": result.serving.source,
        **result.serving.media.summary(), "dtype": prepared.dtype, "quant": setup.quant, "formats": prepared.formats,
        "kv_dtype": kv,
        "runtime": {"name": runtime.name, "version": runtime.version, "source": runtime.source,
                    **runtime.options._asdict()},
        "tp": plan.tp, "pp": plan.pp, "ep": plan.ep, "dp": setup.dp or 1, "devices": prepared.devices,
        **({"towers": prepared.towers.words} if prepared.towers.words else {}), **_beside(prepared),
        "exact": [name for name in ("weights", "cache") if levels_of[name] == "exact"],
        "estimates": dict(runtime.profile.notes),
    }
    if levels_of["cache"] == "unknown":
        terms["unknown"] = ["cache"]
    if machine is not None:
        terms["gpu"] = {"name": machine.device.name, "bytes": machine.capacity, "usable_bytes": machine.usable}
    return terms
