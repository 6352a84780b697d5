"""What the cache classes of Hugging Face transformers hold.

A window or a chunk keeps its last `size - 1` tokens; convolution states keep `kernel` columns, one more than the next
token needs; recurrent states are as the modules make them; cross-attention keeps keys and values of the encoder's
length. Where a class keeps expanded heads, keeps none or ignores its window, the component says so. A static cache
allocates the whole context, and a window's full size, beforehand. RecurrentGemma's class gives no cache back: counted
are the states of its modules, and its attention's keys and values in the cache that `generate()` hands to it. Not
counted: an int64 of eight bytes a sliding layer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from paramcalc.estimates.runtimes import CUDA_CONTEXT_BYTES, ROW_BY_ROW, Profile
from paramcalc.measures.cache import Cache, Line, Mixer, Serving, Types, describe, gathered

if TYPE_CHECKING:
    from collections.abc import Iterable

    from paramcalc.tree import State

VERSION = "transformers 5.23.0"
SOURCE = "transformers 5.23.0, cache_utils.py: DynamicSlidingWindowLayer, LinearAttentionLayer, StaticCache"

PROFILE = Profile(
    "pp", context_bytes=CUDA_CONTEXT_BYTES, formats=("bf16", "bnb_int8", "bnb_nf4"), smaller=("bnb_int8", "bnb_nf4"),
    expert_tiles=ROW_BY_ROW, notes=(
        ("overhead", "352 MiB a device for the CUDA context and libraries: non-torch memory in a profile on an RTX "
         "3090 (github.com/vllm-project/vllm/issues/10517)"),
        ("activations", "the whole prompt at once, with fused attention (sdpa) and logits of the last position; of "
         "bitsandbytes and HQQ the largest matrix once more in the type of products"),
    ))


class Options(NamedTuple):
    """What can be set."""

    static: bool = False
    """Allocate for the whole context beforehand (StaticCache)."""


def cache(kinds: Iterable[Mixer], serving: Serving, cache_types: Types, options: Options) -> Cache:
    """Bytes of every tensor of the cache once the context is filled."""
    lines: list[Line] = []
    for mixer in kinds:
        for state in mixer.states:
            layers = mixer.layers * state.used
            row = layers * state.library_copies * cache_types.row(state)
            cells = entries(state, serving.context, serving.encoder, options)
            more = max(0, entries(state, serving.context + 1, serving.encoder, options) - cells)
            lines.append(Line(describe(state), state.kind, layers, serving.batch * cells, serving.batch * cells * row,
                              more * row))
    return Cache(gathered(lines))


def entries(state: State, context: int, source: int, options: Options) -> int:
    """Tokens whose keys and values are kept of one sequence."""
    if state.per == "sequence":
        return context % (state.entries + 1) if state.refilled else state.entries
    limits = [] if state.library_unwindowed else [limit for limit in (state.window, state.chunk) if limit is not None]
    lengths = [state.length(context, source), *(limit if options.static else limit - 1 for limit in limits)]
    return min(lengths) // state.stride


def chunk(serving: Serving, options: Options) -> int:
    """Tokens computed at once: the whole prompt of every sequence."""
    return serving.batch * serving.context


def logit_rows(serving: Serving, options: Options) -> int:
    """generate() asks for the last position only."""
    return serving.batch
