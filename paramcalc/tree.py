"""The tree every measure walks: nodes that carry copies, and three kinds of leaves.

A node says how many copies of what is below it memory holds (`stored`) and how many one token visits (`used`):
a tied head is 0/1, 256 experts of which 8 fire are 256/8, a block shared at 13 places is 1/13. Measures are folds
over the leaves with one of the two; none of them asks what the component is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import prod
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from paramcalc.catalog.formats import Format

Role = Literal["matmul", "lookup", "vector", "conv"]
"""matmul: multiplies an activation; lookup: one row is read; vector: elementwise; conv: slides over positions."""

Per = Literal["token", "patch", "source", "sequence", "key", "pair", "source_pair", "block_pair", "block_token",
              "block_square"]
"""What a leaf is counted once for: a token of the sequence, a token of the encoder's input, a sequence, or a
key that can be attended to (cached ones too), a (query, key) pair where the keys are the sequence's own or the
encoder's; in scans that work block by block: a pair within a block, a token of whole blocks, a pair of block
boundaries."""
StateKind = Literal["kv", "state"]
"""What grows with each token, and what a mixer overwrites."""
When = Literal["", "prompt", "cached", "expanded", "absorbed"]
"""When work is done: always; only without cached tokens, or only after them; where a latent is attended to as the keys
and values it stands for, or as it is kept."""

CROSSING = "crossing"
"""Stream of layers that follow their parent, and are passed by where there is no source to attend to."""


class Tensor(NamedTuple):
    """Named values of one shape; `stored` copies in memory, `used` of them visited by one token."""

    name: str
    shape: tuple[int, ...]
    axes: tuple[str, ...]
    """A name for each dimension, by which a model is sharded: heads, kv_heads, ffn, vocab, experts, hidden …"""
    role: Role
    component: str
    stored: int = 1
    used: int = 1
    per: Per = "token"
    part: str = ""
    """Our own word for it inside its component (`v_proj`, `experts.*.down_proj`), whatever the checkpoint's name."""
    transposed: bool = False
    """A matrix whose last two dimensions are `(in, out)`."""
    stacked: bool = False
    """The stored copies are slices of one array (`[experts, in, out]`), not tensors with an index in their name."""
    flat: bool = False
    """Stacked slices stand below each other along the first axis (`[experts·out, in]`), not along a new one."""
    buffer: bool = False
    """In a state dict but not a parameter."""
    frozen: bool = False
    """A parameter the class never trains."""
    detached: bool = False
    """No gradient passes through it: it only chooses what others compute."""
    dtype: str | None = None
    """Held in this type whatever the model's; None follows the model."""
    format: Format | None = None
    """Set by quantizing."""
    stage: int = 0
    """Which of the first convolutions over a recording it belongs to, from 1."""

    @property
    def numel(self) -> int:
        """Number of values of one copy of the tensor."""
        return prod(self.shape)

    @property
    def file_shape(self) -> tuple[int, ...]:
        """Shape of the array files hold: of one copy, or of all where they are stacked."""
        if not self.stacked:
            return self.shape
        return (self.stored * self.shape[0], *self.shape[1:]) if self.flat else (self.stored, *self.shape)


class State(NamedTuple):
    """What a mixer keeps between tokens: for each token of a sequence, or a fixed amount for each sequence."""

    name: str
    shape: tuple[int, ...]
    axes: tuple[str, ...]
    per: Per = "token"
    window: int | None = None
    """At most this many tokens are needed; None keeps all."""
    chunk: int | None = None
    """Keys are dropped at each multiple of this many tokens."""
    stride: int = 1
    """One entry is kept for each `stride` tokens (compressed keys)."""
    dtype: str | None = None
    """Held in this type whatever the cache's; None follows the cache."""
    component: str = "attention"
    kind: StateKind = "kv"
    used: int = 1
    entries: int = 1
    """Of a state kept for each sequence: rows of it at most."""
    refilled: bool = False
    """The library's class empties the rows whenever one more than `entries` tokens have come."""
    ahead: int = 0
    """Tokens the model itself puts before those of a sequence."""
    library_copies: int = 1
    """How many of each the library's class holds: more where it holds expanded heads, 0 where it keeps none."""
    library_unwindowed: bool = False
    """The library's class keeps every token, window or not."""

    def length(self, context: int, source: int) -> int:
        """Tokens it is kept for, if all are: of the sequence and what stands before it, or of the encoder's input."""
        return source if self.per == "source" else context + self.ahead


class Work(NamedTuple):
    """Multiply-adds that involve no weight: `prod(shape)` of them for each `per`."""

    name: str
    shape: tuple[int, ...]
    axes: tuple[str, ...]
    component: str
    per: Per = "pair"
    window: int | None = None
    chunk: int | None = None
    causal: bool = True
    """A causal mask forbids the later half of the pairs."""
    top_k: int | None = None
    """At most this many keys are attended to by each query (sparse attention)."""
    stride: int = 1
    """One key for each `stride` tokens."""
    block: int = 1
    """Tokens of one block, for what is counted by blocks."""
    padded: bool = True
    """The last block is filled up with zeros, which are multiplied too."""
    when: When = ""
    """`prompt`, `cached`: only without, only after cached tokens; `expanded`, `absorbed`: how a latent is attended to:
    as the keys and values it stands for, or as it is kept, which cached tokens allow."""
    detached: bool = False
    """No gradient passes through it."""
    fused: bool = False
    """Elementwise or inside a fused scan: no matmul kernel does it, so a matmul counter does not see it."""
    used: int = 1


class Context(NamedTuple):
    """What a component may know of where it stands."""

    hidden_size: int
    vocab_size: int = 0


class Part(Protocol):
    """What a node asks of the component it is made from."""

    source: ClassVar[str]
    """The paper or reference implementation its formulas are from."""

    @property
    def kind(self) -> str:
        """The word for its kind."""

    @property
    def parallel(self) -> bool:
        """Whether it reads what the part before it reads, not what that part gives."""

    @property
    def without_weights(self) -> bool:
        """Whether its tensors are listed elsewhere."""

    def tensors(self, context: Context) -> Iterable[Tensor]:
        """Its parameters and buffers, of one copy."""

    def states(self, context: Context) -> Iterable[State]:
        """What it keeps between tokens for decoding."""

    def work(self, context: Context) -> Iterable[Work]:
        """Multiply-adds that involve no weight."""


Leaf = Tensor | State | Work
L = TypeVar("L", State, Work)
Change = Callable[[str, Leaf], Iterable[Leaf]]
"""From a leaf and its full path to the leaves that take its place (one, none or several)."""


class Node:
    """A named part of a model: its own leaves, its children, its copies relative to the parent.

    `tensors` are made when the tree is built, states and work when they are first asked for, so that counting costs
    only the counting.
    """

    __slots__ = ("changes", "children", "context", "every", "label", "name", "order", "part", "stored", "stream",
                 "tensors", "used")

    def __init__(
        self,
        name: str,
        tensors: tuple[Tensor, ...] = (),
        children: tuple[Node, ...] = (),
        stored: int = 1,
        used: int = 1,
        part: Part | None = None,
        context: Context | None = None,
        every: int = 1,
        order: tuple[int, ...] = (),
        stream: str = "",
        changes: tuple[Change, ...] = (),
        label: str = "",
    ) -> None:
        self.name = name
        self.tensors = tensors
        self.children = children
        self.stored = stored
        self.used = used
        self.part = part
        self.context = context
        self.order = order
        """Of a stack of layers: for each layer, which child it is a copy of."""
        self.stream = stream
        """`source` where what is below runs over the encoder's input; `crossing` where it follows the parent and is
        passed by if there is no source to attend to; empty where it follows the parent."""
        self.changes = changes
        self.every = every
        """It runs over one position of so many: what patches are merged into."""
        self.label = label
        """What people call it where the name is an index: the block of a layer."""

    def replace(self, **fields: object) -> Node:
        """A copy with some fields changed."""
        values = {slot: getattr(self, slot) for slot in self.__slots__}
        return Node(**(values | fields))

    def states(self, path: str = "") -> tuple[State, ...]:
        """What this node (not its children) keeps between tokens."""
        return self._lazy(path, self.part.states(self.context)) if self.part and self.context else ()

    def work(self, path: str = "") -> tuple[Work, ...]:
        """Multiply-adds of this node (not its children) that involve no weight."""
        return self._lazy(path, self.part.work(self.context)) if self.part and self.context else ()

    def _lazy(self, path: str, leaves: Iterable[L]) -> tuple[L, ...]:
        changed: tuple[L, ...] = tuple(leaves)
        for change in self.changes:
            changed = tuple(new for leaf in changed for new in change(path, leaf))  # type: ignore[misc]
        return changed

    def over(self, above: str) -> str:
        """The stream it runs over below a node that runs over `above`."""
        return above if not self.stream or (self.stream == CROSSING and above) else self.stream

    def map(self, change: Change, path: str = "") -> Node:
        """The tree with each leaf replaced by what `change` gives for it."""
        here = join(path, self.name)
        return self.replace(
            tensors=tuple(new for leaf in self.tensors for new in change(join(here, leaf.name), leaf)),
            children=tuple(child.map(change, here) for child in self.children),
            changes=(*self.changes, change),
        )

    @property
    def depth(self) -> int:
        """Layers of a model's own stacks; those of towers, which stand one level deeper, are not among them."""
        return sum(len(child.order) for child in self.children)

    def nodes(self) -> Iterator[Node]:
        """Every node, without the paths that `walk` makes."""
        yield self
        for child in self.children:
            if child.children:
                yield from child.nodes()
            else:
                yield child

    def walk(self, path: str = "", stored: int = 1, used: int = 1) -> Iterator[tuple[str, Node, int, int]]:
        """Every node with its full path and its copies in the whole model."""
        here, stored, used = join(path, self.name), stored * self.stored, used * self.used
        yield here, self, stored, used
        for child in self.children:
            yield from child.walk(here, stored, used)


def join(path: str, name: str) -> str:
    """Dotted path; either side may be empty."""
    return f"{path}.{name}" if path and name else path or name
