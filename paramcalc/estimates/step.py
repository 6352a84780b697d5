"""One step of a model on a machine: what it reads, multiplies and sends, in seconds of ideal hardware.

Everything is a fold that memory and FLOPs use too: the bytes of weights that are read, the cache of the sequences, the
FLOPs by the format of the weights they multiply. What real kernels reach of the ideal are constants, which are data
(`paramcalc.catalog.speed`). A step takes

    max((weights + cache / cache share) / bandwidth share, flops / peak share) + wire + hop · collectives
    + layer · layers + experts · layers of experts + product · products + sequence · sequences

and at least `product · products + scheduling · sequences`, the time of a host that prepares the next step while the
device computes. This one function says it, whether tokens are decoded or a prompt is filled. A prompt that comes in
while others are answered joins their step: it reads no weight again. Routed experts are multiplied in tiles: one that a
single token visits takes the FLOPs of a whole tile. Devices that share the experts of a layer wait for the one that has
most of them to read.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.errors import Problem, UsageError
from paramcalc.estimates.links import Widths, bandwidth, sent
from paramcalc.estimates.remembering import Remembering
from paramcalc.estimates.runtimes import profile_of
from paramcalc.estimates.towers import Towers
from paramcalc.estimates.traffic import facts
from paramcalc.measures.cache import Serving, exact, mixers
from paramcalc.measures.flops import Workload, flops
from paramcalc.measures.reads import passed, reads
from paramcalc.spec.media import NO_MEDIA, Media
from paramcalc.transforms.shard import Sharding, of_tower, shard, without_towers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from paramcalc.catalog.accelerators import Accelerator
    from paramcalc.catalog.speed import Constants
    from paramcalc.estimates.links import Split
    from paramcalc.measures.cache import Types
    from paramcalc.tree import Node

ROW_BYTES = 2
"""Of a value of the hidden state on the wire."""
DIVIDED_TOWERS = Towers()
MIXERS = ("attention", "state_mixer")
FEED_FORWARDS = ("ffn", "moe_experts", "moe_shared")


class Terms(NamedTuple):
    """Seconds of ideal hardware, and how often what takes time of its own happens."""

    weights: float
    cache: float
    host: float
    """Reading what lies in the host's memory."""
    flops: float
    wire: float
    collectives: float
    layers: float
    moe_layers: float
    products: float
    sequences: float

    def seconds(self, constants: Constants) -> float:
        """Seconds of the step, by the constants of a class."""
        return sum(self.parts(constants).values())

    def reading(self, constants: Constants) -> float:
        """Seconds of reading, by the constants of a class."""
        return (self.weights + self.host + self.cache / constants.cache) / constants.bandwidth

    def parts(self, constants: Constants) -> dict[str, float]:
        """Seconds of the step by what takes them; of reading and multiplying, which overlap, the longer."""
        reading, multiplying = self.reading(constants), self.flops / constants.flops
        name = "flops" if multiplying > reading else "cache" if self.cache > self.weights + self.host else "weights"
        launching = constants.product * self.products
        parts = {name: max(reading, multiplying), "links": self.wire + constants.hop * self.collectives,
                 "launches": constants.layer * self.layers + constants.experts * self.moe_layers + launching
                 + constants.sequence * self.sequences}
        waiting = launching + constants.scheduling * self.sequences - sum(parts.values())
        return parts | {"launches": parts["launches"] + max(0.0, waiting)}

    def joined(self, prompt: Terms, prompts: float, constants: Constants) -> float:
        """Seconds that each of `prompts` a step, on average, adds to steps it joins: of prompts that come more seldom
        than steps each has one of its own."""
        together = max(1.0, prompts)
        reading, multiplying = self.reading(constants), self.flops / constants.flops
        longer = max(reading, multiplying + together * prompt.flops / constants.flops) - max(reading, multiplying)
        return longer / together + prompt.wire + constants.prompt


class Work(NamedTuple):
    """FLOPs by the arithmetic they are done in."""

    shared: Mapping[str, int]
    """Of what every token visits."""
    experts: Mapping[str, int]
    """Of routed experts."""


class Host(NamedTuple):
    """Memory of the host that holds what the device has no room for."""

    share: float
    """Of the weights."""
    bandwidth: int


class Served(Remembering):
    """A model as it is served: trees are walked once for each context, here."""

    def __init__(self, tree: Node, split: Split, cache_types: Types, dtype: str, runtime: str,
                 media: Media = NO_MEDIA, towers: Towers = DIVIDED_TOWERS) -> None:
        """A prompt has these pictures and recordings. Raises UsageError for devices that cannot share the model."""
        if problems := split.problems():
            raise UsageError(*problems)
        self.tree, self.split, self.cache_types, self.dtype = tree, split, cache_types, dtype
        self.runtime, self.media, self.towers = runtime, media, towers
        mine = shard(tree, Sharding(split.tp, expert_tp=1, towers=towers.share))
        self.mine = mine
        self.reads = reads(mine, dtype)
        self.kinds = mixers(mine)
        sizes = facts(tree)
        self.widths = Widths(_layers(tree), sizes.moe_layers, sizes.top_k, sizes.hidden_size * ROW_BYTES)
        self.products = _products(tree, dtype)
        self._remember()

    def _remember(self) -> None:
        self.cache = lru_cache(maxsize=4096)(self._cache)
        self.decoded = lru_cache(maxsize=4096)(self._decoded)
        self.filled = lru_cache(maxsize=4096)(self._filled)

    @property
    def moe(self) -> bool:
        """Whether it is a mixture of experts, of which each token visits some."""
        return bool(self.reads.experts)

    @property
    def weights(self) -> float:
        """Bytes of weights on one device, on the average of the stages."""
        split = self.split
        return (self.reads.stored_bytes + self.reads.expert_bytes / (split.ep * split.within)) / split.pp

    def _cache(self, context: int) -> int:
        """Bytes of one sequence that a step reads, on one device of every stage together: states are written too."""
        cache = exact(self.kinds, Serving(context, source=0), self.cache_types)
        return cache.bytes + cache.state_bytes

    def _decoded(self, context: int) -> Work:
        return self._work(Workload(1, 1, context, self.media.source, "causal"))

    def _filled(self, prompt: int) -> Work:
        return self._work(Workload(1, prompt, 0, self.media.source, "causal", "last", self.media))

    def _work(self, load: Workload) -> Work:
        """FLOPs of a workload on all devices together: what each of them computes of a tower counts as often."""
        shared: dict[str, int] = {}
        experts: dict[str, int] = {}
        for tree, times in ((without_towers(self.tree), Fraction(1)), *self._towers_of_each(load.media)):
            amounts = flops(tree, load)
            for name, amount in amounts.formats.items():
                kind, routed = arithmetic(name, self.dtype), amounts.expert_formats.get(name, 0)
                shared[kind] = shared.get(kind, 0) + int(times * (amount - routed))
                if routed:
                    experts[kind] = experts.get(kind, 0) + int(times * routed)
        return Work(shared, experts)

    def _towers_of_each(self, media: Media) -> Iterator[tuple[Node, Fraction]]:
        """Each tower as one device holds it, and how often that counts: on every device that shares matrices, there
        over its share of the pictures where they are shared out."""
        for child in filter(of_tower, self.mine.children):
            times = Fraction(self.split.tp)
            positions = sum(media.lengths(child.stream))
            if self.towers.parallel == "data" and positions and not child.stream.endswith("_tokens"):
                times *= Fraction(media.largest_share(child.stream, 1, self.split.tp), positions)
            yield self.mine.replace(children=(child,)), times

    def _experts(self, rows: float) -> list[tuple[float, float, int]]:
        """Of each kind of experts, for so many rows of each replica: experts that the busiest device reads, rows that
        visit those of one device, and bytes of one expert on it."""
        split = self.split
        meeting = rows * split.sharing
        return [(kind.touched_on_busiest(meeting, split.ep), meeting * kind.used / split.ep, kind.bytes // split.within)
                for kind in self.reads.experts]

    def decode(self, device: Accelerator, sequences: float, context: int, tokens: int = 1,
               host: Host | None = None) -> Terms:
        """A step in which each of so many sequences of the whole system gets `tokens` tokens."""
        here = max(1.0, sequences / (self.split.dp * self.split.pp))
        return self._terms(device, here * tokens, here * self.cache(context), self.decoded(context), here * tokens,
                           here, host)

    def fill(self, device: Accelerator, prompt: int, host: Host | None = None) -> Terms:
        """The prompt of one sequence."""
        return self._terms(device, prompt, 0, self.filled(prompt), 1, 0, host)

    def _terms(self, device: Accelerator, rows: float, cache: float, work: Work, times: float, sequences: float,
               host: Host | None) -> Terms:
        split, widths = self.split, self.widths
        if device.bandwidth is None:
            raise UsageError(Problem(f"the memory bandwidth of {device.name} is not known",
                                     hint="add it with --accelerators FILE"))
        experts = self._experts(rows)
        crowded = any(rows * split.sharing > kind.stored / split.ep for kind in self.reads.experts)
        weights = self.reads.dense + sum(touched * size for touched, _, size in experts)
        out = host.share if host else 0.0
        multiplied = times / split.tp * (
            sum(amount / peak(device, kind) for kind, amount in work.shared.items())
            + sum(amount / peak(device, kind) * padding(experts, tile(self.runtime, kind, crowded))
                  for kind, amount in work.experts.items()))
        send = sent(split, widths, rows)
        wire = send.bytes / bandwidth(device, split) if send.bytes else 0.0
        return Terms((1 - out) * weights / device.bandwidth, cache / device.bandwidth,
                     out * weights / host.bandwidth if host else 0.0, multiplied, wire, send.collectives,
                     widths.layers, widths.moe_layers, self.products, sequences)


def _layers(tree: Node) -> float:
    """Layers of a mixer and a feed-forward each that a decoded token passes; a layer with one of the two is half a
    layer."""
    layers = 0
    for node, used in passed(tree):
        for child in set(node.order):
            components = {t.component for _, below, _, _ in node.children[child].walk() for t in below.tensors}
            parts = bool(components.intersection(MIXERS)) + bool(components.intersection(FEED_FORWARDS))
            layers += used * node.order.count(child) * (parts or 2)
    return layers / 2


def _products(tree: Node, dtype: str) -> float:
    """Matrix products that a decoded token passes: weights that multiply the same input are one; activations that FP8
    and FP4 arithmetic wants rounded are one more each."""
    products = 0
    for node, used in passed(tree):
        for child in set(node.order):
            kinds: dict[tuple[str, str, int], bool] = {}
            for _, below, _, _ in node.children[child].walk():
                for tensor in below.tensors:
                    if tensor.role == "matmul":
                        side = 0 if tensor.transposed else -1
                        key = (tensor.component, tensor.axes[side], tensor.shape[side])
                        name = tensor.format.name if tensor.format else ""
                        kinds[key] = kinds.get(key, False) or arithmetic(name, dtype) in ("fp8", "fp4")
            products += used * node.order.count(child) * sum(1 + rounded for rounded in kinds.values())
    return products


def tile(runtime: str, kind: str, crowded: bool = False) -> int:
    """Rows of the smallest tile in which a runtime multiplies routed experts, by arithmetic; `crowded`: of more rows
    than a device has experts of a layer."""
    few, many = profile_of(runtime).expert_tiles
    return many if kind == "fp8" or (crowded and kind in ("bf16", "fp16")) else few


def padding(experts: list[tuple[float, float, int]], rows: int) -> float:
    """What tiles of so many rows make of the FLOPs of experts: a factor of at least one. See `Served._experts`."""
    multiplied = sum(visits * size for _, visits, size in experts)
    padded = sum(max(visits, touched * rows) * size for touched, visits, size in experts)
    return padded / multiplied if multiplied else 1.0


def arithmetic(name: str, dtype: str) -> str:
    """The arithmetic weights of a format are multiplied in: of FP8 and FP4 with their activations, else expanded."""
    base = name or dtype
    for start, kind in (("fp8", "fp8"), ("mxfp8", "fp8"), ("nvfp4", "fp4"), ("mxfp4", "fp4"),
                        ("ggml_nvfp4", "fp4"), ("ggml_mxfp4", "fp4"), ("int8_channel", "int8")):
        if base.startswith(start):
            return kind
    return base if base in ("fp32", "fp16") else "bf16"


def peak(device: Accelerator, kind: str) -> int:
    """FLOPs a second. Raises UsageError where none is known."""
    if kind in ("fp4", "fp32") and kind not in device.flops:
        kind = "bf16"  # without FP4 units kernels expand such weights; what little is in fp32 is not a bottleneck
    rate = device.peak(kind)
    if rate is None:
        raise UsageError(Problem(f"no arithmetic of {device.name} is known for {kind}{device.why_unknown('flops')}",
                                 hint="add it with --accelerators FILE"))
    return rate[1]
