"""Bytes the forward pass keeps for the backward pass: a fold over what each component says it saves. Exact integers.

A storage is counted once however many operations keep it: within a component by its tape, between the parts of a layer
that read the same tensor, and over the whole model for what all layers share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from paramcalc.components.base import UnknownActivationsError
from paramcalc.tree import join

if TYPE_CHECKING:
    from paramcalc.components.tape import Policy
    from paramcalc.tree import Node, Saved

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


class Activations(NamedTuple):
    """Bytes kept, by component, and those the loss adds."""

    components: dict[str, int]
    loss: int
    unknown: tuple[str, ...]
    """Kinds of components that nobody described: they are missing from the figure."""

    @property
    def model(self) -> int:
        """Up to and including the logits' input."""
        return sum(self.components.values())


class Kept(NamedTuple):
    """What is kept of anything the bytes depend on, whatever the length and number of sequences."""

    bytes: dict[Counted, int]
    unknown: tuple[str, ...]

    def at(self, load: Tokens) -> Activations:
        """The bytes of one micro-batch."""
        components: dict[str, int] = {}
        loss = 0
        for of, size in self.bytes.items():
            times = _times(of, load)
            if of.loss:
                loss += size * times
            else:
                components[of.component] = components.get(of.component, 0) + size * times
        return Activations(components, loss, self.unknown)


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


def activations(tree: Node, load: Tokens, policy: Policy) -> Activations:
    """What one micro-batch keeps on the devices of a tree."""
    return kept(tree, policy).at(load)


def kept(tree: Node, policy: Policy) -> Kept:
    """The fold, before it is known how long sequences are."""
    fold = _Fold(policy)
    fold.walk(tree, "", 1, "", layer=False)
    return Kept(fold.bytes, tuple(sorted(fold.unknown)))


class _Fold:
    def __init__(self, policy: Policy) -> None:
        from paramcalc.catalog.formats import find_format

        self.policy = policy
        self.width = find_format(policy.dtype).bits // 8
        self.bytes: dict[Counted, int] = {}
        self.unknown: set[str] = set()
        self.held: set[tuple[str, ...]] = set()
        self.live = policy.recompute == "full"
        """Something trained came before, so that operations have gradients to hand on; checkpointing asks for those of
        what is embedded, whatever is trained."""

    def walk(self, node: Node, path: str, used: int, stream: str, *, layer: bool, parallel: bool = False) -> None:
        here, used, stream = join(path, node.name), used * node.used, node.stream or stream
        again = self.policy.recompute == "full"
        self.live = self.live or _trains(node, deep=bool(node.order))
        for leaf in self._leaves(node, here) if self.live else ():
            if (layer and again and not leaf.argument) or (parallel and leaf.shared == "input"):
                continue
            self._add(leaf, used, stream)
        if node.order and again and self.live:
            for leaf in node.checkpoint(here, self.policy):
                self._add(leaf, used, stream)
        for child in node.children:
            self.walk(child, here, used, stream, layer=layer or bool(node.order),
                      parallel=child.part is not None and child.part.parallel)

    def _leaves(self, node: Node, path: str) -> tuple[Saved, ...]:
        try:
            return node.saved(path, self.policy)
        except UnknownActivationsError as error:
            self.unknown.add(str(error))
            return ()

    def _add(self, leaf: Saved, used: int, stream: str) -> None:
        if leaf.shared not in ("", "input"):
            key = (leaf.shared, "" if leaf.per == "source" else stream)
            if key in self.held:
                return
            self.held.add(key)
            used = 1
        size = used * leaf.used * (BYTES[leaf.dtype] if leaf.dtype else self.width)
        for dimension in leaf.shape:
            size *= dimension
        of = Counted(leaf.component, leaf.loss, leaf.per, stream, leaf.split, leaf.block, leaf.more, leaf.blocks,
                     leaf.padded)
        self.bytes[of] = self.bytes.get(of, 0) + size


def _trains(node: Node, *, deep: bool) -> bool:
    """Whether a node has a tensor that is trained; of a stack, any of its layers, which are counted alike."""
    if any(not (tensor.frozen or tensor.buffer) for tensor in node.tensors):
        return True
    return deep and any(_trains(child, deep=True) for child in node.children)


def _times(of: Counted, load: Tokens) -> int:
    """How many of a leaf there are; a device's part of each sequence where devices share it."""
    per, ways = of.per, load.cp * of.split
    whole = load.source if of.stream == "source" else load.seq
    here, source = _part(whole, ways), _part(load.source, ways)
    blocks = _part(here, of.block)
    if (of.blocks == "one" and blocks > 1) or (of.blocks == "several" and blocks < 2):
        return 0
    square = {"token": here, "position": here, "source": source, "sequence": 1, "once": 1, "pair": here * whole,
              "position_pair": here * whole, "source_pair": here * load.source, "position_source": here * load.source,
              "block": blocks, "block_token": blocks * of.block, "block_pair": _pairs(here, of),
              "block_square": (blocks + 1) ** 2, "position_square": (blocks + 1) ** 2}
    batch = 1 if per.startswith("position") or per == "once" else load.batch
    return batch * (square.get(per, here) + of.more)


def _pairs(tokens: int, of: Counted) -> int:
    """Pairs within a block, of all of them."""
    whole, rest = divmod(tokens, of.block)
    return whole * of.block**2 + (of.block if of.padded and rest else rest) ** 2


def _part(tokens: int, ways: int) -> int:
    return -(-tokens // ways)
