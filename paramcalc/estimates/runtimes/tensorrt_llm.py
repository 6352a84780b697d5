"""Blocks of TensorRT-LLM's cache: `block` tokens of every layer, a pool for each window size.

The pool takes a share of what is free once weights and activations are there (`free_gpu_memory_fraction`). Keys and
values of a layer with a window are kept for `window` tokens and the block that is being filled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from paramcalc.estimates.runtimes import CUDA_CONTEXT_BYTES, Profile
from paramcalc.measures.cache import Cache, Line, Mixer, Serving, Types, describe, exact, gathered

if TYPE_CHECKING:
    from collections.abc import Iterable

    from paramcalc.tree import State

VERSION = "TensorRT-LLM 1.x, PyTorch backend"
SOURCE = ("https://nvidia.github.io/TensorRT-LLM/reference/memory.html; NVIDIA/TensorRT-LLM "
          "tensorrt_llm/llmapi/llm_args.py: KvCacheConfig")
PROFILE = Profile(
    "tp", vocab_multiple=64, rotary_table=True, context_bytes=CUDA_CONTEXT_BYTES,
    formats=("bf16", "fp8", "awq", "nvfp4"), smaller=("fp8", "nvfp4"), kv_dtype_of_few_bits="fp8", notes=(
        ("overhead", "352 MiB a device for the CUDA context and libraries (github.com/vllm-project/vllm/issues/10517)"),
        ("activations", "max_num_tokens through the widest layer, logits of each request's last position"),
        ("cache", "in blocks; the pool itself takes 0.9 of what is free beside weights and activations"),
    ))


class Options(NamedTuple):
    """What can be set."""

    block: int = 32
    """Tokens of a block (tokens_per_block)."""
    max_tokens: int = 8192
    """Tokens computed at once (max_num_tokens)."""


def cache(kinds: Iterable[Mixer], serving: Serving, cache_types: Types, options: Options) -> Cache:
    """Blocks the batch takes; states as the next token needs them."""
    lines: list[Line] = []
    rest: list[Mixer] = []
    for mixer in kinds:
        growing = [state for state in mixer.states if state.per == "token"]
        rest.append(mixer._replace(states=tuple(state for state in mixer.states if state.per != "token")))
        for state in growing:
            layers = mixer.layers * state.used
            cells = serving.batch * _tokens(state, serving.context, options)
            row = layers * cache_types.row(state)
            more = serving.batch * _tokens(state, serving.context + options.block, options) > cells
            lines.append(Line(describe(state), state.kind, layers, cells, cells * row // state.stride,
                              row // state.stride if more else 0))
    return Cache((*gathered(lines), *exact(rest, serving, cache_types).lines))


def _tokens(state: State, context: int, options: Options) -> int:
    """Tokens of one sequence, in whole blocks."""
    reach = state.window or state.chunk
    tokens = state.length(context, context)
    if reach is not None:
        tokens = min(tokens, reach + options.block)
    return -(-tokens // options.block) * options.block


def chunk(serving: Serving, options: Options) -> int:
    """Tokens computed at once, of all sequences together (`max_num_tokens`)."""
    return options.max_tokens


def logit_rows(serving: Serving, options: Options) -> int:
    """Positions whose logits are computed at once: the last of each sequence."""
    return serving.batch
