"""Which card or the host holds each piece of a model in llama.cpp, and what it then takes.

The last `gpu_layers` of the layers and the output, which counts as one more, stand on cards; the rest and the tables
stay on the host. A card gets consecutive layers by its part of the split: layer `i` of the `n` that are offloaded goes
to the first card whose cumulated part is above `i / n`. `--n-cpu-moe N` leaves the routed experts of the first N layers
on the host. Caches stand with their layers.

Weights on the host that are mapped from the file count from the first to the last of them, with all that is between;
a file of llama.cpp's quantizer is sorted by name, head and last norm before the tables, these before the layers. The
work of 32 tokens and more with weights on the host is done by the first card, whose compute buffer has room for the
arrays it copies: of a layer's experts every size that differs, since a larger one does not fit where a smaller stood.

Sources: ggml-org/llama.cpp src/llama-model.cpp (`load_tensors`), src/llama-model-loader.cpp (`get_mapping_range`),
ggml/src/ggml-backend.cpp (`ggml_backend_sched_backend_id_from_cur`), src/llama-quant.cpp; before 2026 the output was
not among the layers counted from the end.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.errors import Problem, UsageError
from paramcalc.estimates.offload.pieces import EXPERTS
from paramcalc.estimates.prefill import Widths, peak
from paramcalc.estimates.runtimes import llama_cpp

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from paramcalc.estimates.offload.pieces import Pieces
    from paramcalc.measures.cache import Serving, Types

VALUE = 4
"""Bytes of a value of inputs and of results: all are f32."""
PIPELINED = 4
"""Copies of the inputs where several cards hold all layers and work on several micro-batches."""


class Placement(NamedTuple):
    """What a command line says."""

    gpu_layers: int
    """Layers on cards, the output as one of them (-ngl)."""
    cpu_moe: int = 0
    """First layers whose routed experts stay on the host (--n-cpu-moe)."""
    split: tuple[int, ...] = (1,)
    """Part of each card (-ts)."""


class Load(NamedTuple):
    """What is computed, and how it is held."""

    options: llama_cpp.Options
    serving: Serving
    cache_types: Types
    towers: int = 0
    """Estimate of the buffer pictures and recordings are computed in, which is the first card's."""


class Place(NamedTuple):
    """What one card, or the host, holds."""

    layers: range
    """Layers whose attention and norms it holds."""
    weights: int
    """Bytes of all weights of the model's file."""
    cache: int
    states: int
    """Bytes of what is fixed for each sequence."""
    compute: int
    """Estimate of the buffer it computes in."""
    mapped: int = 0
    """Of the host: bytes between its first and last weight in the file."""
    towers: int = 0
    """Bytes of towers, which come from a file of their own."""
    logits: int = 0
    """Of the host: bytes of the buffer for the logits of one position of each sequence."""

    @property
    def total(self) -> int:
        """Bytes of all of it."""
        return self.weights + self.towers + self.cache + self.states + self.compute + self.logits


class Places(NamedTuple):
    """A whole placement: the cards in order, then the host."""

    placement: Placement
    cards: tuple[Place, ...]
    host: Place


def first_on_cards(placement: Placement, layers: int, *, counts_output: bool) -> int:
    """The number of the first layer on a card; `layers` is the output's."""
    return max(layers + counts_output - placement.gpu_layers, 0)


def card_of(placement: Placement, layers: int, *, counts_output: bool = True) -> list[int | None]:
    """For each layer, and last for the output, the number of its card, None for the host. Raises UsageError for more
    layers than there are and for a split without parts."""
    if sum(placement.split) <= 0:
        raise UsageError(Problem(f"--tensor-split {','.join(map(str, placement.split))} gives no GPU a share",
                                 hint="--tensor-split 3,1"))
    first = first_on_cards(placement, layers, counts_output=counts_output)
    offloaded = min(placement.gpu_layers, layers + 1)
    ends = list(accumulate(placement.split))
    cards: list[int | None] = []
    for layer in range(layers + 1):
        if layer < first or layer - first >= offloaded:
            cards.append(None)
        else:
            cards.append(bisect_right(ends, (layer - first) * ends[-1] / offloaded))
    return cards


def places(model: Pieces, placement: Placement, load: Load) -> Places:
    """What every card and the host take. Raises UsageError for a placement that cannot be."""
    counts_output = load.options.version >= llama_cpp.OUTPUT_COUNTS
    where = card_of(placement, len(model.order), counts_output=counts_output)
    return Ledger(model, load).places(placement, where)


class Span(NamedTuple):
    """Consecutive layers, `last` not among them, and whether the output stands with them."""

    first: int
    last: int
    output: bool


class Ledger:
    """Sums over the layers of a model at one load, so that many placements are tried quickly."""

    def __init__(self, model: Pieces, load: Load) -> None:
        self.model, self.load = model, load
        self.mixers = [mixer for piece in model.kinds for mixer in piece.kinds]
        self.mask = llama_cpp.mask(self.mixers, load.serving, load.options)
        options = llama_cpp.resolved(self.mixers, load.options)
        each = [llama_cpp.buffers(piece.kinds, load.serving, load.cache_types, options) for piece in model.kinds]
        experts = [piece.components.get(EXPERTS, 0) for piece in model.kinds]
        self.rest = self._sums([piece.weights - size for piece, size in zip(model.kinds, experts, strict=True)])
        self.experts = self._sums(experts)
        self.cache = self._sums([cache.kv_bytes for cache in each])
        self.states = self._sums([cache.state_bytes for cache in each])
        self.copied = [0, *accumulate((model.layer(layer).copied for layer in range(len(model.order))), max)]
        self.tables, self.output = sum(model.tables.values()), sum(model.output.values())
        self.towers = sum(model.towers.values())
        self._buffers: dict[tuple[frozenset[int], bool, int], int] = {}

    def _sums(self, sizes: Sequence[int]) -> list[int]:
        return [0, *accumulate(sizes[kind] for kind in self.model.order)]

    def borrowed(self, on_host: int, cpu_moe: int) -> int:
        """Bytes in the first card's buffer for weights of the host that it computes with."""
        return self.copied[min(max(on_host, cpu_moe), len(self.model.order))]

    def card(self, span: Span, cpu_moe: int, *, copied: int = 0, first: bool = False, pipelined: bool = False) -> Place:
        """What one card holds; `copied` is what it needs beside for weights of the host."""
        start, end, output = span
        moved = min(max(start, cpu_moe), end)
        weights = self.rest[end] - self.rest[start] + self.experts[end] - self.experts[moved]
        weights += self.output + self.model.again if output else 0
        compute = self.buffer(span, copied)
        compute += (PIPELINED - 1) * self.inputs if pipelined and compute else 0
        compute += self.load.towers if first else 0
        return Place(range(start, end), weights, self.cache[end] - self.cache[start],
                     self.states[end] - self.states[start], compute, towers=self.towers if first else 0)

    def host(self, on_host: int, cpu_moe: int, *, output: bool, cards: bool) -> Place:
        """What the host holds: tables, its layers, experts of the others, the output where no card has it."""
        moved = min(max(on_host, cpu_moe), len(self.model.order))
        weights = self.tables + self.rest[on_host] + self.experts[moved] + (self.output if output else 0)
        compute = self.inputs
        if not cards:
            rows = llama_cpp.chunk(self.load.serving, self.load.options) * VALUE * self.model.head.hidden
            compute = self.buffer(Span(0, on_host, True), 0) - rows  # a card keeps the residual stream twice
        return Place(range(on_host), weights, self.cache[on_host], self.states[on_host], compute,
                     self._mapped(on_host, moved, output=output),
                     logits=self.load.serving.batch * VALUE * self.model.head.logits)

    def _mapped(self, on_host: int, moved: int, *, output: bool) -> int:
        """Bytes from the first to the last weight on the host, in a file sorted by name."""
        last = moved
        while last > on_host and not self.model.layer(last - 1).experts:
            last -= 1
        span = self.tables + self.rest[last] + self.experts[last]
        span -= self.model.layer(last - 1).behind if last > on_host else 0
        return span + (self.output if output else 0)

    def buffer(self, span: Span, copied: int) -> int:
        """The buffer a device computes in: its widest layer, masks, the logits where it has the output; on the first
        card copies of the host's weights and what is computed with them. Nothing where nothing is computed."""
        kinds = frozenset(self.model.order[span.first:span.last])
        if not kinds and not span.output and not copied:
            return 0
        key = (kinds, span.output, copied)
        if key not in self._buffers:
            self._buffers[key] = self._buffer(kinds, span.output, copied)
        return self._buffers[key]

    def _buffer(self, kinds: Iterable[int], output: bool, copied: int) -> int:
        serving, options = self.load.serving, self.load.options
        tokens = llama_cpp.chunk(serving, options)
        width = _widest([self.model.kinds[kind].width for kind in kinds], self.model.head, output=output)
        alive = peak(width, tokens, llama_cpp.logit_rows(serving, options), VALUE,
                     llama_cpp.score_keys(serving, options), self.mask, llama_cpp.copied(serving, options))
        if not copied:
            return alive
        everywhere = _widest([piece.width for piece in self.model.kinds], self.model.head, output=False)
        return max(alive, copied + peak(everywhere, tokens, 0, VALUE, 0, self.mask))

    @cached_property
    def inputs(self) -> int:
        """Bytes of a micro-batch's inputs, which the host holds: rows of the table in f32, masks."""
        tokens = llama_cpp.chunk(self.load.serving, self.load.options)
        masks = llama_cpp.mask_input(self.mixers, self.load.serving, self.load.options)
        return tokens * (VALUE * self.model.head.hidden + masks)

    def places(self, placement: Placement, where: Sequence[int | None]) -> Places:
        """What every card and the host take where the card of each layer and of the output is known."""
        layers, count = len(self.model.order), len(placement.split)
        on_host = sum(card is None for card in where[:-1])
        cards = any(card is not None for card in where)
        copied = self.borrowed(on_host, placement.cpu_moe) if cards else 0
        filled = []
        for card in range(count):
            start = where.index(card) if card in where else layers
            span = Span(min(start, layers), min(start, layers) + where[:-1].count(card), where[-1] == card)
            filled.append(self.card(span, placement.cpu_moe, copied=0 if card else copied, first=card == 0,
                                   pipelined=count > 1 and not copied))
        host = self.host(on_host, placement.cpu_moe, output=where[-1] is None, cards=cards)
        return Places(placement, tuple(filled), host)


def components(model: Pieces, ledger: Places) -> tuple[dict[str, int], dict[str, int]]:
    """Bytes of weights by component, on all cards and on the host."""
    totals: dict[str, int] = {}
    for part in (model.tables, model.output, *(model.layer(layer).components for layer in range(len(model.order)))):
        _add(totals, part)
    host = dict(model.tables)
    for layer in ledger.host.layers:
        _add(host, model.layer(layer).components)
    for layer in range(len(ledger.host.layers), min(ledger.placement.cpu_moe, len(model.order))):
        _add(host, {EXPERTS: model.layer(layer).components.get(EXPERTS, 0)})
    if ledger.host.weights > sum(host.values()):
        _add(host, model.output)
    elif model.again:
        _add(totals, {"lm_head": model.again})
    cards = {name: size - host.get(name, 0) for name, size in totals.items()}
    return cards, {name: size for name, size in host.items() if size}


def _add(total: dict[str, int], more: dict[str, int]) -> None:
    for name, size in more.items():
        total[name] = total.get(name, 0) + size


def _widest(parts: Sequence[Widths], model: Widths, *, output: bool) -> Widths:
    attention, heads = max(((part.attention, part.heads) for part in parts), key=lambda pair: pair[1], default=(0, 0))
    return Widths(model.hidden, max((part.widest for part in parts), default=0), model.logits if output else 0,
                  attention, heads, *max(((part.recurrent, part.state) for part in parts), default=(0, 0)))
