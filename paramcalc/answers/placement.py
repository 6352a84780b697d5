"""`memory` and `fit` where llama.cpp places a model on several cards or partly on the host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from paramcalc.answers.answer import Answer, head, hidden, json_key
from paramcalc.answers.fit import FIGURES, Fit, RuntimeFit, fit, unknown_cache
from paramcalc.answers.memory import Bytes, CacheBytes, DeviceMemory, Size, WeightBytes, assumptions, file_sizes, levels
from paramcalc.errors import Problem, UsageError
from paramcalc.estimates import inference
from paramcalc.estimates.effects import S, within_positions
from paramcalc.estimates.fit import MOST_BATCH, MOST_TOKENS, largest
from paramcalc.estimates.media import media_of
from paramcalc.estimates.offload.pieces import Pieces, pieces
from paramcalc.estimates.offload.placement import Load, Place, Placement, Places, components, places
from paramcalc.estimates.offload.search import Choice, Room, choose, with_cache
from paramcalc.estimates.prefill import tower_peak
from paramcalc.estimates.runtimes import BOUND, PLACING
from paramcalc.estimates.serving import cards_of, placed_command, prepare, why_not_served
from paramcalc.measures.cache import Serving
from paramcalc.measures.certainty import Certainty
from paramcalc.numbers import binary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paramcalc.build import Model
    from paramcalc.estimates.machine import Machine
    from paramcalc.estimates.settings import (
        DeviceSettings,
        FitSettings,
        HostSettings,
        PlacementSettings,
        ServingSettings,
    )
    from paramcalc.readers.models import Reading
    from paramcalc.spec.media import Media

MARGIN = 2**30
"""Bytes of each card that are left free, for the driver and what else it does: the default of llama.cpp's own placement
(ggml-org/llama.cpp tools/server/README.md, --fit-target)."""


class HostMemory(NamedTuple):
    """Bytes in the host's memory."""

    layers: int
    weights: int
    cache: int
    activations: int
    total: int
    mapped: int
    """Bytes of the file from the first to the last weight that is on the host, which is what llama.cpp prints."""


class CardMemory(NamedTuple):
    """Which card, and the layers it holds."""

    device: int
    name: str
    layers: int
    usable: int | None


class ComponentPlace(NamedTuple):
    """Bytes of weights of one component on all cards, and on the host."""

    component: str
    gpu: int
    ram: int


class PlacementRow(NamedTuple):
    """The placement as a command line says it."""

    layers: int
    """Of the model."""
    gpu_layers: int
    """On cards, the output as one of them."""
    cpu_moe: int
    tensor_split: tuple[int, ...]
    """Empty where the cards share in proportion to their memory, as llama.cpp does by itself."""
    kv_dtype: str
    cards: tuple[CardMemory, ...]
    components: tuple[ComponentPlace, ...]


@dataclass(frozen=True, kw_only=True)
class PlacedMemory(Answer):
    """Bytes to serve a model that stands on several cards or partly on the host."""

    command: ClassVar[str] = "memory"
    weights: WeightBytes
    cache: CacheBytes
    activations: Bytes
    overhead: Bytes
    whole: Bytes = json_key("total")
    per_device: tuple[DeviceMemory, ...]
    host: HostMemory
    placement: PlacementRow


@dataclass(frozen=True, kw_only=True)
class PlacedFit(PlacedMemory):
    """Whether a model runs on these cards with that much memory of the host."""

    command: ClassVar[str] = "fit"
    known: dict[str, Certainty]
    fits: bool
    runtime: str
    capacity: Size
    headroom: Size
    max_context: int
    max_batch: int
    serve: str = json_key("command")
    runtimes: tuple[RuntimeFit, ...]
    why_not: str | None
    trained_context: int | None
    unserved: str = hidden(default="")
    """Why llama.cpp does not serve the model on these cards; empty where nothing says so."""

    @property
    def failed(self) -> bool:
        """Whether there is no room."""
        return not self.fits


class _Prepared(NamedTuple):
    """What placements of one model are worked out from."""

    prepared: inference.Prepared
    model: Pieces
    start: dict[str, Any]
    media: Media

    def within_positions(self, settings: S) -> S:
        """The settings, a context nobody said cut to the model's positions; the answer says so."""
        settings, self.start["length"] = within_positions(settings, self.start["built"].spec, self.media)
        return settings

    def load(self, context: int, batch: int) -> Load:
        """The load at a context and batch, the cache in the format that was said, else f16."""
        stage = self.prepared.stages[0]
        towers = tower_peak(stage.towers, self.media, 1, self.prepared.runtime.profile.compute_bytes)
        serving = Serving(context, batch, media=self.media)
        return Load(self.prepared.runtime.options, serving, self.prepared.cache_types, towers)


def _prepared(reading: Reading, settings: ServingSettings | FitSettings) -> _Prepared:
    if settings.runtime not in (None, PLACING):
        raise UsageError(Problem(f"{settings.runtime} does not place layers on the host or on different GPUs",
                                 hint=f"--runtime {PLACING}"))
    for name in ("tp", "pp", "ep", "dp", "loras"):
        if settings.is_set(name):
            raise UsageError(Problem(f"--{name} has no effect where {PLACING} places layers",
                                     hint="--gpus N, or --gpu with several names"))
    if settings.draft is not None:
        raise UsageError(Problem("--draft has no effect where layers are placed on the host or on different GPUs",
                                 hint="leave it out; its layers and cache come on top"))
    start = head(reading)
    unknown_cache(start["built"])
    prepared = prepare(start["built"], settings.model_copy(update={"gpus": None}), PLACING)
    return _Prepared(prepared, pieces(prepared.tree, prepared.dtype), start, media_of(settings, start["built"].spec))


def placed_memory(reading: Reading, serving: ServingSettings, placement: PlacementSettings) -> PlacedMemory:
    """The bytes of a placement that is said: what each card and the host hold. Raises UsageError for one that cannot
    be."""
    ready = _prepared(reading, serving)
    serving = ready.within_positions(serving)
    split = placement.tensor_split or (1,) * (serving.gpus or 1)
    if serving.gpus is not None and len(split) != serving.gpus:
        raise UsageError(Problem(f"--tensor-split has {len(split)} parts for {serving.gpus} cards",
                                 hint="leave --gpus out"))
    layers = len(ready.model.order)
    count = layers + 1 if placement.gpu_layers is None else min(placement.gpu_layers, layers + 1)
    experts = any(kind.experts for kind in ready.model.kinds)
    if placement.cpu_moe and not experts:
        raise UsageError(Problem("--cpu-moe has no effect: the model has no experts", hint="--gpu-layers N"))
    load = ready.load(ready.media.sequence(serving.context), serving.batch)
    ledger = places(ready.model, Placement(count, placement.cpu_moe, split), load)
    return PlacedMemory(**_fields(ready, load, ledger, _kv_name(ready), tuple(f"card {card}" for card in
                                                                             range(len(split))), ()))


def placed_fit(reading: Reading, serving: FitSettings, device: DeviceSettings, host: HostSettings,
               ) -> Fit | PlacedFit:
    """The best placement on these cards and the host's memory; the plain verdict where a runtime needs no host."""
    machines = cards_of(device, serving)
    plain = _without_host(reading, serving, device, host, machines)
    if plain is not None and (plain.fits or host.ram is None):
        return plain
    rows = tuple(row for row in plain.runtimes if row.runtime not in (PLACING, BOUND)) if plain is not None else ()
    return _placed(_prepared(reading, serving), serving, host, machines, rows)


def _without_host(reading: Reading, serving: FitSettings, device: DeviceSettings, host: HostSettings,
                  machines: Sequence[Machine]) -> Fit | None:
    """The plain verdict, as `--gpus` gives it; None where the cards are unlike, or a runtime is named beside memory of
    the host."""
    if len({machine.device.key for machine in machines}) > 1 or (serving.runtime is not None and host.ram is not None):
        return None
    number = serving.gpus if len(machines) == 1 else len(machines)
    return fit(reading, serving.model_copy(update={"gpus": number}),
               device.model_copy(update={"gpu": machines[0].device.key}))


def _placed(ready: _Prepared, serving: FitSettings, host: HostSettings, machines: Sequence[Machine],
            rows: tuple[RuntimeFit, ...]) -> PlacedFit:
    """The best placement, its row after those of other runtimes."""
    serving = ready.within_positions(serving)
    room = Room(tuple(max(0, machine.usable - MARGIN) for machine in machines), host.ram)
    context, batch = ready.media.sequence(serving.context[-1]), serving.batch
    kv_format = serving.kv_dtype

    def at(tokens: int, sequences: int) -> Choice | None:
        load = ready.load(tokens, sequences)
        return choose(ready.model, room, load if kv_format is None else with_cache(load, kv_format), kv_format)

    choice = at(context, batch)
    load = choice.load if choice else ready.load(context, batch)
    kv_format = choice.kv_dtype if choice else kv_format
    ledger = choice.places if choice else places(ready.model, Placement(0, split=room.cards), load)
    most_tokens = largest(lambda tokens: at(tokens, batch) is not None, MOST_TOKENS)
    most_batch = largest(lambda sequences: at(context, sequences) is not None, MOST_BATCH)
    names = tuple(machine.device.name for machine in machines)
    kv_dtype = choice.kv_dtype if choice else _kv_name(ready)
    model = ready.start["built"]
    fields = _fields(ready, load, ledger, kv_dtype, names, room.cards)
    spare = min((usable - place.total for usable, place in zip(room.cards, ledger.cards, strict=False)), default=0)
    bound = ready.prepared.lower_bound
    unserved = _unserved(model, serving, machines)
    doubt = unserved or (bound and f"only a lower bound fits: {bound}")
    fits = choice is not None and not doubt
    why = None if fits else doubt if choice else _why(ledger.host, room)
    total, capacity = max((place.total for place in ledger.cards), default=0), sum(room.cards) + (room.ram or 0)
    needed = fields["whole"].bytes - (ledger.host.total if choice and room.ram is None else 0)
    level = ready.prepared.level("weights", "cache", "flops", at_best="estimate")
    return PlacedFit(
        **fields, known=dict.fromkeys(FIGURES, level),
        fits=fits, runtime=PLACING, capacity=Size(capacity), headroom=Size(capacity - needed),
        max_context=most_tokens, max_batch=most_batch, unserved=unserved,
        serve=placed_command(model.spec, serving, fields["placement"]) if choice and not unserved else "",
        runtimes=(*rows, RuntimeFit(PLACING, fits, total, spare, most_tokens, most_batch, why)),
        why_not=why, trained_context=model.spec.max_position_embeddings)


def _unserved(model: Model, serving: FitSettings, machines: Sequence[Machine]) -> str:
    """Why llama.cpp does not serve the model on one of these cards; empty where nothing says so."""
    reasons = (why_not_served(PLACING, model.spec, serving.quant, machine.device) for machine in machines)
    return next(filter(None, reasons), "")


def _kv_name(ready: _Prepared) -> str:
    key, value = ready.prepared.cache_types.key.name, ready.prepared.cache_types.value.name
    return key if key == value else f"{key},{value}"


def _why(everything: Place, room: Room) -> str:
    host = "; --ram SIZE adds the host's memory" if room.ram is None else f" and {binary(room.ram)} of the host"
    return (f"{binary(everything.total)} of weights, cache and buffers do not fit into {binary(sum(room.cards))} of "
            f"the cards{host}")


def _fields(ready: _Prepared, load: Load, ledger: Places, kv_dtype: str, names: tuple[str, ...],
            usable: tuple[int, ...]) -> dict[str, Any]:
    """The fields of `PlacedMemory`."""
    model, result = ready.start["built"], inference.memory(ready.prepared, load.serving)
    levels_of = levels(model, result)
    every = (*ledger.cards, ledger.host)
    placement = ledger.placement
    row = PlacementRow(
        len(ready.model.order), placement.gpu_layers, placement.cpu_moe,
        () if placement.split == usable or len(placement.split) == 1 else placement.split, kv_dtype,
        tuple(CardMemory(number, name, len(place.layers), usable[number] if usable else None)
              for number, (name, place) in enumerate(zip(names, ledger.cards, strict=False))),
        _components(ready.model, ledger))
    host = ledger.host
    weights = sum(place.weights + place.towers for place in every)
    compute = sum(place.compute + place.logits for place in every)
    kv, states = sum(place.cache for place in every), sum(place.states for place in every)
    more = places(ready.model, placement, load._replace(serving=load.serving._replace(
        context=load.serving.context + PADDED)))
    growth = sum(place.cache for place in (*more.cards, more.host)) - kv
    return ready.start | {
        "warnings": (*ready.start["warnings"], *load.serving.media.notes),
        "assumptions": assumptions(model, result, None) | {"kv_dtype": kv_dtype, "devices": len(ledger.cards)},
        "weights": WeightBytes(weights, levels_of["weights"], *file_sizes(ready.prepared), 0, 0),
        "cache": CacheBytes(kv + states, levels_of["cache"], growth // (PADDED * load.serving.batch), kv, states, ()),
        "activations": Bytes(compute, levels_of["activations"]), "overhead": Bytes(0, levels_of["overhead"]),
        "whole": Bytes(weights + kv + states + compute, levels_of["total"]),
        "per_device": tuple(DeviceMemory(number, 0, place.weights + place.towers, place.cache + place.states,
                                         place.compute, 0, place.total) for number, place in enumerate(ledger.cards)),
        "host": HostMemory(len(host.layers), host.weights, host.cache + host.states, host.compute + host.logits,
                           host.total, host.mapped),
        "placement": row}


PADDED = 256
"""Cells by which a cache of llama.cpp grows at once."""


def _components(model: Pieces, ledger: Places) -> tuple[ComponentPlace, ...]:
    cards, host = components(model, ledger)
    return tuple(ComponentPlace(name, size, host.get(name, 0)) for name, size in cards.items())
