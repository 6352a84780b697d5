"""Pages of vLLM's cache, and how many requests they serve.

Every kind of layer gets pages of the same size. Attention pages hold `block` tokens of one layer. Where there are
recurrent layers, attention's block is raised (in steps of the kernel's alignment) until a page holds one layer's
state, and states are padded to it; where attention layers differ in width, the narrower ones get longer blocks.
Layers of one kind form groups of equal size (the fewest layers any kind has, or the most when that is less than half
as much again); a group that is short is padded. A block of the pool is one page in each of a group's layers, and
every group takes its own blocks: `ceil(context / block)` for full attention, `ceil(min(context, window - 1 + batched
tokens) / block) + 1` for a window, 1 for a state and one more with prefix caching, plus one for each speculative
token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from paramcalc.catalog.formats import find_format
from paramcalc.errors import Problem, UsageError
from paramcalc.estimates.pool import Pool as ReservedPool
from paramcalc.estimates.runtimes import CUDA_CONTEXT_BYTES, SERVED, TRITON_TILES, Profile
from paramcalc.measures.cache import DS_MLA, Cache, Line, Mixer, Serving, Types, cache_type, describe, needed
from paramcalc.tree import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from paramcalc.estimates.inference import Memory
    from paramcalc.tree import Leaf, Node, State

VERSION = "vLLM 0.1x, V1 engine"
SOURCE = ("vllm-project/vllm@001cabc1be16:vllm/v1/core/kv_cache_utils.py, vllm/v1/kv_cache_interface.py, "
          "vllm/platforms/interface.py; @02d710837549:vllm/model_executor/layers/mamba/mamba_utils.py")
BLOCK = 16
SCALED = cache_type(DS_MLA)
PROFILE = Profile(
    "tp", vocab_multiple=64, rotary_table=True, caching_allocator=True, context_bytes=CUDA_CONTEXT_BYTES,
    graph_bytes=461 * 2**20,
    utilization=(9, 10), formats=(*SERVED, "bnb_nf4"), smaller=("fp8", "awq"), drafts="speculative",
    expert_tiles=TRITON_TILES,
    notes=(
        ("overhead", "a device: 352 MiB non-torch memory (github.com/vllm-project/vllm/issues/10517) and 461 MiB "
         "for CUDA graphs (a log of a 3B model)"),
        ("weights", "as \"model loading took\" says: in the blocks of torch's allocator, rotary tables included"),
        ("activations", "the profiling run: batched_tokens through the widest layer, logits of max_seqs positions"),
    ),
)


class Options(NamedTuple):
    """What can be set."""

    batched_tokens: int = 8192
    """Tokens computed at once (--max-num-batched-tokens): as a server takes by itself on devices of 70 GiB and more;
    on smaller ones it takes 2,048."""
    max_seqs: int = 256
    """Sequences that are sampled at once at most (--max-num-seqs)."""
    prefix_caching: bool = True
    speculative: int = 0
    """Tokens drafted for each sequence, for which recurrent layers keep further states."""
    block: int = BLOCK
    mxfp4: str = "triton"
    """Kernels of MXFP4 experts: triton pads the codes of a row (Hopper), marlin and flashinfer the sizes themselves."""


CHOICES = {"mxfp4": ("triton", "marlin", "flashinfer", "none")}
PADDED = {"marlin": (256, 128), "flashinfer": (256, 256)}
"""What kernels round the residual width and the experts' own up to (vllm-project/vllm
layers/quantization/mxfp4.py, Mxfp4MoEMethod.create_weights)."""


class Kind(NamedTuple):
    """Layers of one kind: what a page of them holds."""

    name: str
    layers: int
    token_bytes: int
    """Of one layer; 0 for states."""
    state_bytes: int
    per: str
    reach: int | None = None
    chunked: bool = False
    each: int = 1
    """Layers of the model that one of them stands for."""

    def page(self, block: int) -> int:
        """Bytes that a page of `block` tokens needs in one layer."""
        return self.token_bytes * block + self.state_bytes

    def pages(self, block: int, context: int, source: int, options: Options) -> int:
        """Pages of one layer for one sequence."""
        if self.state_bytes:
            return 1 + options.prefix_caching + options.speculative
        if self.per == "source":
            return -(-source // block)
        if self.reach is None:
            return -(-context // block)
        ahead = self.reach - (not self.chunked) + options.batched_tokens
        return -(-min(ahead, context) // block) + (not self.chunked)


class Pool(NamedTuple):
    """The layout all requests share."""

    kinds: tuple[Kind, ...]
    blocks: tuple[int, ...]
    """Tokens of a page of each kind."""
    page: int
    group: int
    """Layers of a group."""

    @property
    def block_bytes(self) -> int:
        """Bytes of one block: a page in each layer of a group."""
        return self.page * self.group

    def request_blocks(self, context: int, source: int, options: Options) -> int:
        """Blocks that one sequence takes of the pool, those of all groups of layers together."""
        return sum(_groups(kind, self.group) * kind.pages(block, context, source, options)
                   for kind, block in zip(self.kinds, self.blocks, strict=True))

    def capacity(self, available: int, context: int, source: int, options: Options) -> tuple[int, int, int]:
        """Blocks the pool has; blocks a sequence takes; tokens that fit, as the log derives them: the concurrency
        times the context, rounded down."""
        have, need = available // self.block_bytes, self.request_blocks(context, source, options)
        return have, need, have * context // need

    def page_tokens(self, have: int) -> int:
        """Tokens as older logs say them: the blocks of one group, times the tokens of the shortest page."""
        return have // sum(_groups(kind, self.group) for kind in self.kinds) * min(self.blocks)


def pool(kinds: Iterable[Mixer], cache_types: Types, options: Options) -> Pool | None:
    """The layout of a model's pages; None for one that keeps nothing."""
    kinds_of_cache = merged(kind for mixer in kinds for kind in _kinds(mixer, cache_types, options))
    if not kinds_of_cache:
        return None
    if len(kinds_of_cache) > 1 and len({(kind.per, kind.reach, kind.chunked) for kind in kinds_of_cache}) == 1:
        return _alike(kinds_of_cache, options.block)
    block = options.block
    widest = max((kind.token_bytes for kind in kinds_of_cache), default=0)
    state = max((kind.state_bytes for kind in kinds_of_cache), default=0)
    if state and widest:
        block *= max(1, -(-state // (block * widest)))
    page = max(kind.page(block) for kind in kinds_of_cache)
    blocks = [_block(kind, block, page) for kind in kinds_of_cache]
    counts = [kind.layers for kind in kinds_of_cache]
    group = max(counts) if 2 * max(counts) < 3 * min(counts) else min(counts)
    return Pool(tuple(kinds_of_cache), tuple(blocks), page, group)


def _alike(kinds: list[Kind], block: int) -> Pool:
    """Layers that need the same tokens and differ in width only are one group, each with pages of its own size."""
    width, layers = sum(kind.layers * kind.token_bytes for kind in kinds), sum(kind.layers for kind in kinds)
    if not width:
        size = sum(kind.layers * kind.state_bytes for kind in kinds)
        return Pool((kinds[0]._replace(layers=1, state_bytes=size, each=layers),), (block,), size, 1)
    return Pool((kinds[0]._replace(layers=1, token_bytes=width, each=layers),), (block,), width * block, 1)


def _block(kind: Kind, block: int, page: int) -> int:
    """Tokens of a page of this kind. Raises UsageError for a width that does not fill pages."""
    if not kind.token_bytes:
        return block
    if page % kind.token_bytes:
        raise UsageError(Problem(f"{kind.name}: {kind.token_bytes} bytes a token do not fill a page of {page}; how "
                                 "vLLM lays out the pages of such a model is not modelled here",
                                 hint="--runtime exact gives the lower bound of its cache"))
    return page // kind.token_bytes


def cache(kinds: Iterable[Mixer], serving: Serving, cache_types: Types, options: Options) -> Cache:
    """Pages the batch takes from the pool."""
    layout = pool(kinds, cache_types, options)
    if layout is None:
        return Cache(())
    lines: list[Line] = []
    for kind, block in zip(layout.kinds, layout.blocks, strict=True):
        pages = serving.batch * kind.pages(block, serving.context, serving.encoder, options)
        more = kind.pages(block, serving.context + block, serving.encoder, options) * serving.batch > pages
        size = _groups(kind, layout.group) * layout.group * layout.page * pages
        lines.append(Line(kind.name, "state" if kind.state_bytes else "kv", kind.layers * kind.each,
                          pages * block if kind.token_bytes else pages, size,
                          kind.layers * kind.token_bytes if more and kind.token_bytes else 0))
    return Cache(tuple(lines))


def reserved(memory: Memory, share: int) -> ReservedPool | None:
    """What is left of the share beside weights and the profiling run, in whole blocks, on the device with the least."""
    prepared, serving, options = memory.prepared, memory.serving, memory.prepared.runtime.options
    pools = []
    for part, stage in zip(memory.stages, prepared.stages, strict=True):
        layout = pool(stage.kinds, prepared.cache_types, options)
        if layout is not None:
            available = max(0, share - part.weights - part.activations - PROFILE.context_bytes)
            blocks, each, tokens = layout.capacity(available, serving.context, serving.encoder, options)
            pools.append(ReservedPool(available, blocks, each, tokens, layout.page_tokens(blocks),
                                      1000 * blocks // each))
    return min(pools, key=lambda one: one.tokens, default=None)


def weight_layout(tree: Node, options: Options) -> Node:
    """Experts in MXFP4 as the kernels hold them: rows of codes padded to 256 by Triton's layout for Hopper, whose
    scales are not (gpt-oss-120b: 64.38 GiB in a log); other kernels pad both sizes."""
    def change(_: str, leaf: Leaf) -> tuple[Leaf]:
        if not isinstance(leaf, Tensor) or leaf.format is None:
            return (leaf,)
        if leaf.format.name == "gptq" and leaf.format.bits in MARLIN_BITS:
            kernel = "marlinzp" if "asym" in leaf.format.variants else "marlin"
            return (leaf._replace(format=leaf.format.as_variant(kernel)),)
        if leaf.component != "moe_experts":
            return (leaf,)
        if leaf.format.name != "mxfp4" or options.mxfp4 == "none":
            return (leaf,)
        if options.mxfp4 == "triton":
            return (leaf._replace(format=find_format("mxfp4_triton")),)
        hidden, other = PADDED[options.mxfp4]
        joined = 2 if "gate_up" in leaf.name else 1  # gate and up are rounded each by itself
        sizes = (up(size, hidden) if axis == "hidden" else joined * up(size // joined, other)
                 for size, axis in zip(leaf.shape, leaf.axes, strict=True))
        return (leaf._replace(shape=tuple(sizes)),)

    return tree.map(change)


MARLIN_BITS = (4, 8)
"""Widths whose GPTQ codes vLLM repacks for Marlin, which holds no order of the inputs, and zeros only of asymmetric
codes."""


def up(size: int, step: int) -> int:
    """Bytes, tokens or a width, rounded up to a multiple of a step."""
    return -(-size // step) * step


def merged(kinds: Iterable[Kind]) -> list[Kind]:
    """Kinds that share everything but their layers, in one."""
    counts: dict[Kind, int] = {}
    for kind in kinds:
        key = kind._replace(layers=0)
        counts[key] = counts.get(key, 0) + kind.layers
    return [key._replace(layers=layers) for key, layers in counts.items()]


def _groups(kind: Kind, size: int) -> int:
    return -(-kind.layers // size)


def _kinds(mixer: Mixer, cache_types: Types, options: Options) -> Iterable[Kind]:
    """A mixer's growing states and its fixed ones; an indexer's keys are a layer of their own."""
    fixed = [state for state in mixer.states if state.per == "sequence"]
    for per in ("token", "source"):
        growing = [state for state in mixer.states if state.per == per]
        if growing:
            first = growing[0]
            width = sum(state.used * _row(state, cache_types) // state.stride for state in growing)
            reach = first.window or first.chunk
            yield Kind(describe(first), mixer.layers, width, 0, per, reach, first.chunk is not None)
    if fixed:
        size = sum(state.used * _fixed(state, cache_types, options) for state in fixed)
        yield Kind(_name(fixed), mixer.layers, 0, size, "sequence")


def _row(state: State, cache_types: Types) -> int:
    """Bytes of a token; an indexer's keys are in fp8 with scales, whatever the cache's type."""
    indexed = state.axes[-1] == "index_key" and state.shape[-1] % SCALED.block == 0
    return SCALED.row(state.shape) if indexed else cache_types.row(state)


def _fixed(state: State, cache_types: Types, options: Options) -> int:
    """One sequence's state, in the model's type unless its config asks for another; a convolution keeps an input more
    for each speculative token."""
    shape = tuple(size + (options.speculative if name == "kernel" else 0)
                  for size, name in zip(needed(state), state.axes, strict=True))
    convolution = "kernel" in state.axes
    in_type = cache_types.compute if convolution else cache_types.recurrent or cache_types.compute
    return state.entries * in_type.row(shape)


def _name(states: Sequence[State]) -> str:
    return " and ".join(describe(state) for state in states)


def chunk(serving: Serving, options: Options) -> int:
    """The profiling run computes as many tokens as a step may, whatever is served."""
    return options.batched_tokens


def logit_rows(serving: Serving, options: Options) -> int:
    """The profiling run samples for as many sequences as a step may hold."""
    return min(options.max_seqs, options.batched_tokens)
