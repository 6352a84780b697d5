"""What SGLang reserves: a share of the device by rules that change with its version, and pools of tokens in the rest.

The share is what is left of the device's memory beside a reserve for prefill chunks, captured graphs and parallel
groups. A token takes its keys and values of every full layer on each rank; layers with a window have a pool of their
own, `swa_ratio` of the full pool's tokens; a latent is whole on each rank. A pool allocates one page more than it
prints. Rules read in the published wheels of 0.4.8 to 0.5.23.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from paramcalc.estimates.pool import Pool
from paramcalc.estimates.runtimes import CUDA_CONTEXT_BYTES, SERVED, TRITON_TILES, Profile
from paramcalc.measures.cache import Cache, Mixer, Serving, Types, exact

if TYPE_CHECKING:
    from collections.abc import Iterable

    from paramcalc.estimates.inference import Memory

VERSION = "SGLang 0.5.12"
SOURCE = "https://pypi.org/project/sglang: srt/server_args.py, srt/model_executor/model_runner.py of 0.4.8 to 0.5.23"
GIB = 1024
"""In MiB."""
PROFILE = Profile(
    "tp", vocab_multiple=64, rotary_table=True, context_bytes=CUDA_CONTEXT_BYTES, formats=SERVED,
    smaller=("fp8", "awq"), drafts="speculative", expert_tiles=TRITON_TILES, notes=(
        ("overhead", "352 MiB a device for the CUDA context and libraries (github.com/vllm-project/vllm/issues/10517); "
         "captured graphs come out of what is not reserved"),
        ("activations", "one prefill chunk through the widest layer, logits of each request's last position"),
    ))
CHOICES = {"version": ("0.4", "0.5.3", "0.5.8", "0.5.10", "0.5.14")}
"""The first version of each rule: 0.4.8 to 0.5.2, 0.5.3 to 0.5.7, 0.5.8 and 0.5.9, 0.5.10 to 0.5.13, from 0.5.14."""


class Options(NamedTuple):
    """What can be set."""

    version: str = "0.5.10"
    chunk: int = 0
    """Tokens of a prefill chunk (--chunked-prefill-size); 0 for what the device's memory gives."""
    graph_batch: int = 0
    """The largest batch graphs are captured for (--cuda-graph-max-bs); 0 for what the device's memory gives."""
    speculative: int = 0
    """Tokens drafted for each sequence."""
    page: int = 1
    """Tokens of a page (--page-size)."""
    prefill_graphs: bool = True
    """Prefill graphs, on by default from 0.5.10 (--disable-piecewise-cuda-graph turns them off)."""
    swa_ratio: int = 80
    """Tokens of windowed layers' pool for 100 of the full pool's."""


def defaults(mib: int, devices: int) -> tuple[int, int]:
    """Tokens of a prefill chunk and requests of the largest captured batch by the device's memory, from 0.5.3 on."""
    many = devices >= 4
    steps = ((20, 2048, 8, 8), (35, 2048, 24, 80), (60, 4096, 32, 160), (160, 8192, 256, 512))
    chunk, few, more = next(((c, f, m) for limit, c, f, m in steps if mib < limit * GIB), (16384, 512, 512))
    return chunk, more if many else few


def reserve(mib: int, devices: int, options: Options) -> int:
    """MiB that are not the static share's."""
    if options.version == "0.4":
        steps = ((35, 2.8 + devices / 10), (90, 9.5 + devices / 2), (160, 12 + devices / 2))
        gib = next((size for limit, size in steps if mib < limit * GIB), 32.0)
        return int((gib + (2 if options.speculative else 0)) * GIB)
    chunk, batch = defaults(mib, devices)
    chunk, batch = options.chunk or chunk, options.graph_batch or batch
    size = 512 + 3 * max(chunk, 2048) // 2 + 2 * batch + 128 * devices
    if mib > 60 * GIB:
        size = max(size, 10 * GIB)
    if options.speculative and options.version != "0.5.14":
        size += 4096 if options.version == "0.5.10" else 2048
    if options.prefill_graphs and options.version in ("0.5.10", "0.5.14"):
        size += 8 * captured(chunk)
    return size


def captured(chunk: int) -> int:
    """How many sizes prefill graphs are captured for: each 4 up to 32, 16 up to 256, 32 up to 512, 64 up to
    1,024, 256 above."""
    steps = ((4, 32, 4), (48, 256, 16), (288, 512, 32), (576, 1024, 64), (1280, 4096, 256), (4608, chunk, 512))
    return sum(max(0, (min(last, chunk) - first) // step + 1) for first, last, step in steps if first <= chunk)


def utilization(capacity: int, devices: int, options: Options) -> tuple[int, int]:
    """The static share, three digits as the server prints it."""
    mib = max(1, capacity // 2**20)
    return max(0, round(1000 * (mib - reserve(mib, devices, options)) / mib)), 1000


def cache(kinds: Iterable[Mixer], serving: Serving, cache_types: Types, options: Options) -> Cache:
    """What the tokens asked for take, in whole pages."""
    pages = -(-serving.context // options.page) * options.page
    return exact(kinds, serving._replace(context=pages), cache_types)


def reserved(memory: Memory, share: int) -> Pool | None:
    """Tokens the static share has room for beside the weights, on the device with the least; None for states, whose
    pool is sized by requests."""
    prepared, options = memory.prepared, memory.prepared.runtime.options
    pools = []
    for part, stage in zip(memory.stages, prepared.stages, strict=True):
        available = max(0, share - prepared.runtime.profile.context_bytes - part.weights)
        states = [(mixer.layers, state) for mixer in stage.kinds for state in mixer.states]
        if any(state.kind == "state" for _, state in states):
            return None
        full = sum(layers * state.used * prepared.cache_types.row(state) // state.stride for layers, state in states
                   if not (state.window or state.chunk))
        window = sum(layers * state.used * prepared.cache_types.row(state) // state.stride for layers, state in states
                     if state.window or state.chunk)
        if not full and not window:
            return None
        each = 100 * full + options.swa_ratio * window if full else 100 * window
        tokens = available * 100 // each // options.page * options.page
        context = max(1, memory.serving.context)
        pools.append(Pool(available, tokens, context, tokens, tokens, 1000 * tokens // context))
    return min(pools, key=lambda one: one.tokens, default=None)


def chunk(serving: Serving, options: Options) -> int:
    """Tokens computed at once, of all sequences together (`--chunked-prefill-size`)."""
    return min(options.chunk or 8192, max(1, serving.batch * serving.context))


def logit_rows(serving: Serving, options: Options) -> int:
    """Positions whose logits are computed at once: the last of each sequence."""
    return serving.batch
