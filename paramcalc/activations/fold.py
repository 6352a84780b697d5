"""Bytes the forward pass keeps for the backward pass: a fold over what each component says it saves. Exact integers.

Llama 3.1 8B (hidden 4,096, feed-forward 14,336, 32 query and 8 key heads of 128) in bfloat16 with a fused attention
kernel keeps, of each token in each layer:

    two norms       2 · (4·4,096 copy in float32 + 4 its scale + 2·4,096 normalized)               49,160
    attention       2·4,096 input + 2·4,096 q + 2 · 2·1,024 k, v + 2·4,096 output + 4·32 log-sums   28,800
    feed-forward    2·4,096 input + 4 · 2·14,336: gate, its SiLU, up, their product               122,880

That is 200,840 bytes. Beside its 32 layers there are the last norm (24,580), the head's input (2·4,096) and rotary
tables all layers share (2·2·128); each layer's kernel keeps 24 bytes of a random state. For one sequence of 2,048:

>>> import paramcalc
>>> model = paramcalc.build_model("llama-3.1-8b")
>>> activations(model, Tokens(batch=1, seq=2048), Policy("flash")).model
13230416640
>>> 2048 * (32 * 200_840 + 24_580 + 2 * 4096 + 2 * 2 * 128) + 32 * 24
13230416640

A storage is counted once however many operations keep it: within a component by its tape, between the parts of a layer
that read the same tensor, and over the whole model for what all layers share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from paramcalc.activations import saves
from paramcalc.activations.class_facts import class_facts, tower_facts
from paramcalc.activations.forward import Forward, UnknownActivationsError
from paramcalc.activations.stack import checkpoint
from paramcalc.activations.weights import weights_of
from paramcalc.adapters import Adaptation
from paramcalc.catalog.formats import find_format
from paramcalc.spec.lower import lower
from paramcalc.spec.media import NO_MEDIA, STREAMS, Media
from paramcalc.transforms.shard import Division
from paramcalc.tree import CROSSING, join

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from paramcalc.activations.policy import Policy
    from paramcalc.activations.saved import SavedActivation
    from paramcalc.build import Model
    from paramcalc.spec.media import MediaItem
    from paramcalc.tree import Node

BYTES = {"int64": 8, "complex64": 8, "int32": 4, "float32": 4, "bool": 1, "uint8": 1}
"""Of one value, in types that are not formats of weights."""


class Tokens(NamedTuple):
    """The micro-batch one device works on at once."""

    batch: int = 1
    seq: int = 1
    source: int = 0
    """Tokens of the encoder's input, where there is an encoder."""
    cp: int = 1
    """Devices that hold an equal part of each sequence (context parallelism)."""
    media: Media = NO_MEDIA
    """The pictures and recordings of each sequence; their tokens are among `seq`."""


class Activations(NamedTuple):
    """Bytes kept, by component, and those the loss adds."""

    components: dict[str, int]
    loss: int
    unknown: tuple[str, ...]
    """Kinds of components that nobody described: they are missing from the figure."""

    @property
    def model(self) -> int:
        """Bytes up to and including the logits' input."""
        return sum(self.components.values())


class SavedBytes(NamedTuple):
    """What is kept of anything the bytes depend on, whatever the length and number of sequences."""

    bytes: dict[Counted, int]
    unknown: frozenset[tuple[str, str]]
    """Kinds of components that nobody described, each with the stream it runs over."""

    def at(self, load: Tokens) -> Activations:
        """The bytes of one micro-batch."""
        components: dict[str, int] = {}
        loss = 0
        for key, size in self.bytes.items():
            of = key._replace(stream=key.stream or load.media.main)
            times = (_tower_times if of.stream in STREAMS else _times)(of, load)
            if not times:
                continue
            if of.loss:
                loss += size * times
            else:
                components[of.component] = components.get(of.component, 0) + size * times
        unknown = {kind for kind, stream in self.unknown if stream not in STREAMS or load.media.lengths(stream)}
        return Activations(components, loss, tuple(sorted(unknown)))


class Counted(NamedTuple):
    """What bytes are counted once for, and where they belong."""

    component: str
    loss: bool
    per: str
    stream: str
    split: int
    block: int = 1
    more: int = 0
    blocks: str = "any"
    padded: bool = True
    every: int = 1
    """One position of so many of the tower's."""


def activations(model: Model, load: Tokens, policy: Policy) -> Activations:
    """Bytes one micro-batch keeps on the devices of a model's tree: the whole model's, or a rank's of a divided one."""
    return saved_bytes(model, policy).at(load)


def saved_bytes(model: Model, policy: Policy) -> SavedBytes:
    """Bytes saved as a function of the length of sequences."""
    fold = _Fold(model, policy)
    fold.walk(model.tree, "", 1, "", layer=False)
    return SavedBytes(fold.bytes, frozenset(fold.unknown))


class _Fold:
    def __init__(self, model: Model, policy: Policy) -> None:
        self.policy, self.spec = policy, model.spec
        self.facts = class_facts(model.spec)
        self.rotary = any(part.kind == "rotary" for part in lower(model.spec).modules.values())
        self.width = find_format(policy.dtype).bits // 8
        self.bytes: dict[Counted, int] = {}
        self.unknown: set[tuple[str, str]] = set()
        self.storages: set[tuple[str, ...]] = set()
        """What all components share and one has counted."""
        self.again = policy.recompute in ("full", "per-op")
        """Layers are computed again."""
        self.entry = True
        """Nothing has read yet what the model, or a tower, is given."""
        self.every = 1
        self.products = 0
        """Products of this layer so far, of which every other is kept where it is computed again by operations."""
        self.live = self.again
        """Something trained came before, so that operations have gradients to hand on; checkpointing asks for those of
        what is embedded, whatever is trained."""

    def walk(self, node: Node, path: str, used: int, stream: str, *, layer: bool, parallel: bool = False) -> None:
        here, used, stream = join(path, node.name), used * node.used, node.over(stream)
        self.live = self.live or _trains(node, deep=bool(node.order))
        self.every = node.every
        for leaf in self._saved(node, stream, layer=layer) if self.live else ():
            if (layer and self.again and not self._stays(leaf)) or (parallel and leaf.shared == "input"):
                continue
            self._add(leaf, used, stream)
        for child in node.children:
            if child.stream in STREAMS:
                self._tower(child, here, used)
                continue
            if node.order:
                self.products = 0
            self.walk(child, here, used, stream, layer=layer or bool(node.order),
                      parallel=child.part is not None and child.part.parallel)

    def _tower(self, tower: Node, path: str, used: int) -> None:
        """A tower computes as its own class does."""
        text = self.facts, self.rotary, self.live
        self.entry = tower.stream in ("image", "audio")
        lowered = lower(self.spec).towers[tower.label]
        self.facts = tower_facts(self.spec.towers[tower.label])
        self.rotary = any(part.kind == "rotary" for part in lowered.modules.values())
        self.live = self.again and _trains(tower, deep=True)
        self.walk(tower.replace(stream=""), path, used, tower.stream, layer=False)
        self.facts, self.rotary, self.live = text

    def _stays(self, leaf: SavedActivation) -> bool:
        """Whether it is kept of a layer that is computed again."""
        if leaf.op == "product":
            self.products += 1
        return leaf.argument or leaf.op == "attention" or (leaf.op == "product" and self.products % 2 == 1)

    def _saved(self, node: Node, stream: str, *, layer: bool) -> Iterator[SavedActivation]:
        """What a node (not its children) keeps; of a stack whose layers are computed again, their inputs too."""
        if node.part is None or node.context is None:
            return
        weights = weights_of(node.tensors, _dropout(node))
        run = Forward(node.context, self.policy, self.facts, weights, layer, self.rotary, self.entry)
        self.entry = self.entry and (node.part.kind == "parameter" or not node.tensors)
        save = saves(node.part.kind)
        try:
            if save is not None:
                yield from self._divided(node, save(node.part, run))
            elif any(True for _ in node.part.tensors(node.context)):
                self.unknown.add((node.part.kind, stream))
        except UnknownActivationsError as error:
            self.unknown.add((str(error), stream))
        if node.order and self.again:
            yield from self._divided(node, checkpoint(run, len(node.order)))

    def _divided(self, node: Node, leaves: Iterable[SavedActivation]) -> Iterable[SavedActivation]:
        """What of them one rank keeps, where the tree is a rank's."""
        for change in node.changes:
            if isinstance(change, Division):
                leaves = [_share(leaf, change) for leaf in leaves]
        return leaves

    def _add(self, leaf: SavedActivation, used: int, stream: str) -> None:
        if leaf.shared not in ("", "input"):
            key = (leaf.shared, "" if leaf.per == "source" else stream)
            if key in self.storages:
                return
            self.storages.add(key)
            used = 1
        size = used * leaf.used * (BYTES[leaf.dtype] if leaf.dtype else self.width)
        for dimension in leaf.shape:
            size *= dimension
        of = Counted(leaf.component, leaf.loss, leaf.per, stream, leaf.split, leaf.block, leaf.more, leaf.blocks,
                     leaf.padded, self.every)
        self.bytes[of] = self.bytes.get(of, 0) + size


def _dropout(node: Node) -> float:
    """Of what the adapters of a node read."""
    return next((change.plan.dropout for change in node.changes if isinstance(change, Adaptation)), 0.0)


def _share(leaf: SavedActivation, division: Division) -> SavedActivation:
    """One rank's part: of a dimension that is divided, or else of the tokens under sequence parallelism."""
    expert = "chosen" in leaf.axes
    shape, axes = division.share(leaf.shape, leaf.axes, expert=expert)
    undivided = shape == leaf.shape and not expert
    return leaf._replace(shape=shape, axes=axes, split=division.plan.tp if undivided and division.plan.sequence else 1)


def _trains(node: Node, *, deep: bool) -> bool:
    """Whether a node has a tensor that is trained; of a stack, any of its layers, which are counted alike."""
    if any(not (tensor.frozen or tensor.buffer) for tensor in node.tensors):
        return True
    return deep and any(_trains(child, deep=True) for child in node.children)


def _times(of: Counted, load: Tokens) -> int:
    """How many of a leaf there are; a device's part of each sequence where devices share it."""
    if of.stream == CROSSING and not load.source:
        return 0
    per, ways = of.per, load.cp * of.split
    length = load.source if of.stream == "source" else load.seq
    here, source = _part(length, ways), _part(load.source, ways)
    blocks = _part(here, of.block)
    if (of.blocks == "one" and blocks > 1) or (of.blocks == "several" and blocks < 2):
        return 0
    square = {"token": here, "position": here, "source": source, "sequence": 1, "once": 1, "pair": here * length,
              "position_pair": here * length, "source_pair": here * load.source, "position_source": here * load.source,
              "block": blocks, "block_token": blocks * of.block, "block_pair": _pairs(here, of),
              "block_square": (blocks + 1) ** 2, "position_square": (blocks + 1) ** 2}
    batch = 1 if per.startswith("position") or per == "once" else load.batch
    return batch * (square.get(per, here) + of.more)


def _tower_times(of: Counted, load: Tokens) -> int:
    """How many of a leaf of a tower there are: sequences are run over by themselves, on each device whole."""
    media, lengths = load.media, load.media.lengths(of.stream, of.every)
    if not lengths:
        return 0
    square = {"token": sum(lengths), "position": max(lengths), "sequence": len(lengths), "once": 1,
              "patch": sum(item.stem or item.patches for item in media.of(of.stream)) // of.every,
              "source": sum(item.read_positions for item in media.of(of.stream)),
              "pair": sum(length**2 for length in lengths), "position_pair": max(lengths)**2,
              "block_pair": _windowed(of, media.of(of.stream), lengths)}
    batch = 1 if of.per.startswith("position") or of.per == "once" else load.batch
    return batch * (square.get(of.per, sum(lengths)) + of.more)


def _windowed(of: Counted, cuts: tuple[MediaItem, ...], lengths: tuple[int, ...]) -> int:
    """Pairs within the windows of a tower: those of two dimensions, else stretches of equal length."""
    windows = [window for item in cuts for window in item.windows]
    return sum(count * size**2 for size, count in windows) or sum(_pairs(length, of) for length in lengths)


def _pairs(tokens: int, of: Counted) -> int:
    """Pairs within a block, of all of them."""
    blocks, rest = divmod(tokens, of.block)
    return blocks * of.block**2 + (of.block if of.padded and rest else rest) ** 2


def _part(tokens: int, ways: int) -> int:
    return -(-tokens // ways)
