"""What a model keeps between tokens: keys and values, latents, states. Exact integers, a fold over the tree's states.

Here is what the mathematics needs to compute the next token; what a runtime allocates beyond that is a policy, in
`paramcalc.estimates.runtimes`.

Llama 3.1 8B keeps a key and a value of 8 heads of 128 for each token in each of its 32 layers: in bfloat16
32 · 2 · 8 · 128 · 2 = 131,072 bytes a token. Two sequences of 4,096 tokens:

>>> import paramcalc
>>> kinds = mixers(paramcalc.build_model("llama-3.1-8b").tree)
>>> line, = exact(kinds, Serving(context=4096, batch=2), types("bf16")).lines
>>> line.bytes, line.per_token
(1073741824, 131072)
>>> 2 * 4096 * 32 * 2 * 8 * 128 * 2
1073741824
"""

from __future__ import annotations

from fractions import Fraction
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.catalog.formats import find_format
from paramcalc.defaults import SERVING
from paramcalc.errors import Problem, UsageError
from paramcalc.spec.media import NO_MEDIA, Media

if TYPE_CHECKING:
    from collections.abc import Iterable

    from paramcalc.tree import Node, State, StateKind

PER_HEAD = "_per_token_head"
"""Ends the name of a cache dtype that keeps a scale of four bytes for each head of each token."""
DS_MLA = "fp8_ds_mla"
"""DeepSeek's sparse attention: fp8 with an fp32 scale for each 128 values, the rotary key in the compute type.
Source: vllm-project/vllm@001cabc1be16:vllm/v1/kv_cache_interface.py (656 bytes a token), deepseek-ai/FlashMLA."""


class CacheType(NamedTuple):
    """A number format as a cache holds it."""

    name: str
    bits: Fraction
    """Of one value, its part of block scales included."""
    block: int = 1
    head_bytes: int = 0
    """Scale of each head of each token."""

    def row(self, shape: tuple[int, ...]) -> int:
        """Bytes of one token's `(heads, …)` values. Raises UsageError where blocks do not fit."""
        numel = prod(shape)
        if numel % self.block:
            raise UsageError(Problem(f"{self.name} holds blocks of {self.block}, and a row of the cache has {numel}",
                                     hint="another --kv-dtype"))
        heads = shape[0] if len(shape) > 1 else 1
        # in whole numbers: those of `fractions` took a fifth of `fit --all`
        return -(-numel * self.bits.numerator // (8 * self.bits.denominator)) + self.head_bytes * heads


def cache_type(name: str) -> CacheType:
    """The cache dtype of that name: any number format, `fp8_per_token_head`, `int8_per_token_head`, `fp8_ds_mla`.
    Raises UsageError for a name nobody knows."""
    if name == DS_MLA:
        return CacheType(name, 8 + Fraction(32, 128), 128)
    base = name.removesuffix(PER_HEAD)
    number_format = find_format(base)
    return CacheType(name, number_format.bits_per_weight, number_format.block, 4 if base != name else 0)


class Types(NamedTuple):
    """What each kind of state is held in."""

    compute: CacheType
    """Convolution and recurrent states, unless they say otherwise."""
    key: CacheType
    """Keys, latents, and whatever is neither a value nor a fixed state."""
    value: CacheType
    recurrent: CacheType | None = None
    """What the model's own config asks runtimes to hold recurrent states in."""

    def row(self, state: State, shape: tuple[int, ...] | None = None) -> int:
        """Bytes of one entry of a state, or of a `shape` of it."""
        return self.of(state).row(state.shape if shape is None else shape)

    def of(self, state: State) -> CacheType:
        """The type a state is held in."""
        if state.dtype:
            return cache_type(state.dtype)
        if state.kind == "state" or (self.key.name == DS_MLA and state.axes[-1] == "rope"):
            return self.compute
        return self.value if state.name == "v" else self.key


def types(dtype: str, kv_dtype: str | None = None) -> Types:
    """Types by name: `kv_dtype` for keys and values, or `K,V` for each; `dtype` where it is not given. Weights of fewer
    than 16 bits are computed with in bf16."""
    compute = cache_type(dtype)
    if compute.bits < 16:
        compute = cache_type("bf16")
    key, _, value = (kv_dtype or compute.name).partition(",")
    return Types(compute, cache_type(key), cache_type(value or key))


class Mixer(NamedTuple):
    """One kind of token mixer: what a layer of it keeps, and in how many places it stands."""

    states: tuple[State, ...]
    layers: int


class Serving(NamedTuple):
    """What is served at once."""

    context: int
    """Tokens of each sequence, prompt and answer."""
    batch: int = SERVING.batch
    source: int | None = SERVING.source
    """Tokens of the encoder's input, where there is an encoder; the context when not given."""
    media: Media = NO_MEDIA
    """Pictures and recordings of each sequence; their tokens are among those of the context."""

    @property
    def encoder(self) -> int:
        """Tokens of the encoder's input."""
        return self.media.attended(self.source, self.context)


class Line(NamedTuple):
    """States of one kind and reach, over all layers that have them."""

    name: str
    kind: StateKind
    """`kv` grows with the context, up to a window; `state` is fixed for each sequence."""
    layers: int
    cells: int
    """Entries of all sequences in one layer."""
    bytes: int
    per_token: int = 0
    """Growth for one more token of one sequence."""


class Cache(NamedTuple):
    """Bytes of all that is kept."""

    lines: tuple[Line, ...]

    @property
    def bytes(self) -> int:
        """Bytes of all lines: keys, values and fixed states, of all sequences."""
        return sum(line.bytes for line in self.lines)

    @property
    def kv_bytes(self) -> int:
        """Bytes that grow with the context."""
        return sum(line.bytes for line in self.lines if line.kind == "kv")

    @property
    def state_bytes(self) -> int:
        """Bytes of what is fixed for each sequence, whatever its length."""
        return sum(line.bytes for line in self.lines if line.kind != "kv")

    @property
    def per_token(self) -> int:
        """Growth for one more token of one sequence."""
        return sum(line.per_token for line in self.lines)


def mixers(tree: Node) -> tuple[Mixer, ...]:
    """Every kind of mixer that keeps something, in the order of the model; equal ones once."""
    counts: dict[tuple[State, ...], int] = {}
    for path, node, _, used in tree.walk():
        if used and (states := node.states(path)):
            counts[states] = counts.get(states, 0) + used
    return tuple(Mixer(states, layers) for states, layers in counts.items())


def exact(kinds: Iterable[Mixer], serving: Serving, cache_types: Types) -> Cache:
    """What the next token needs: the last `window - 1` tokens, `kernel - 1` inputs of a convolution, one state."""
    lines: list[Line] = []
    for mixer in kinds:
        for state in mixer.states:
            row = mixer.layers * state.used * cache_types.row(state, needed(state))
            cells = entries_of(state, serving.context, serving.encoder)
            more = entries_of(state, serving.context + 1, serving.encoder) - cells
            lines.append(Line(describe(state), state.kind, mixer.layers * state.used, serving.batch * cells,
                              serving.batch * cells * row, more * row))
    return Cache(gathered(lines))


def entries_of(state: State, context: int, source: int) -> int:
    """Entries one sequence needs at most, up to that context: a chunk is needed until its last token."""
    if state.per == "sequence":
        return state.entries
    limits = [limit - 1 for limit in (state.window, state.chunk) if limit is not None]
    return min([state.length(context, source), *limits]) // state.stride


def needed(state: State) -> tuple[int, ...]:
    """A state's shape, in values, without the column of a convolution's window that the next input takes."""
    return tuple(size - 1 if name == "kernel" else size for size, name in zip(state.shape, state.axes, strict=True))


def describe(state: State) -> str:
    """What a state is, as people read it: `keys and values, window 1,024`."""
    name = {"k": "keys and values", "v": "keys and values"}.get(state.name, state.name.replace("_", " "))
    reach = f", window {state.window:,}" if state.window else f", chunks of {state.chunk:,}" if state.chunk else ""
    return name + ("" if state.per != "source" else " of the source") + reach


def gathered(lines: Iterable[Line]) -> tuple[Line, ...]:
    """Lines of one name and number of layers in one: keys with their values."""
    by_kind: dict[tuple[str, int, int], Line] = {}
    for line in lines:
        key = (line.name, line.layers, line.cells)
        old = by_kind.get(key)
        by_kind[key] = line if old is None else Line(*old[:4], old.bytes + line.bytes, old.per_token + line.per_token)
    return tuple(by_kind.values())
