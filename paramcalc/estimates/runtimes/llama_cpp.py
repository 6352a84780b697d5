"""What llama.cpp allocates for its caches.

Cells are padded to 256. `batch` sequences of `context` tokens are `batch · context` cells, one buffer for all of them
when unified, else one a sequence. A layer with a window gets `window · sequences + ubatch` cells in a unified buffer,
`window + ubatch` for each sequence otherwise, padded to 256, at most those of a full layer; only models that mix such
layers with full ones have windows there (Mistral 7B, Mixtral, Phi-3 and StarCoder2 get full cells). A row of a cell
holds the heads of one layer; a latent is held once, as keys. Recurrent and convolution states are f32, a row for each
sequence and each of its rollback snapshots. Cross-attention's keys and values are not kept: they are made again from
the encoder's output.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from paramcalc.estimates.prefill import Mask
from paramcalc.estimates.runtimes import ROW_BY_ROW, Profile
from paramcalc.measures.cache import Cache, Line, Mixer, Serving, Types, cache_type, describe, gathered, needed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from paramcalc.tree import State

VERSION = "llama.cpp since June 2026"
SOURCE = ("ggml-org/llama.cpp@02c28f533ebb:src/llama-kv-cache-iswa.cpp, llama-context.cpp; "
          "@0054ee8ca80b:src/llama-memory-recurrent.cpp; @01b77b579398:src/llama-hparams.cpp")
PAD = 256
PROFILE = Profile(
    "pp", kv_dtype="fp16", compute_bytes=4, gguf=True, mixes=True, drafts="rollback", expert_tiles=ROW_BY_ROW,
    smaller=("q8_0", "q6_k", "q5_k_m", "q4_k_m", "q3_k_m", "q2_k"), notes=(
        ("activations", "one ubatch in f32, its attention masks and logits of one position a sequence, as the reserve "
         "pass asks since June 2026 (before it: -R version=2026-05); no conversion buffers"),
        ("overhead", "none: the driver's own share is not in llama.cpp's figures"),
    ))


CHOICES = {"version": ("2026-06", "2026-05", "2026-04", "2025-12", "2025-05")}
FEW_OUTPUTS, HALF_MASKS, OUTPUT_COUNTS, LATENT_ALONE = "2026-06", "2026-05", "2026-01", "2025-06"
"""Since which month rules hold: see `Options.version`."""


class Options(NamedTuple):
    """What can be set."""

    version: str = "2026-06"
    """Whose rules are followed where they changed. From June 2026 on one position a sequence may ask for logits, before
    it all of a micro-batch up to 512 (ggml-org/llama.cpp#23861), in 2025 all of it. Before May 2026 fused attention's
    mask was made in f32 (#23764). Before 2026 the output was not among the layers -ngl counts from the end, and cells
    were padded to 32 without fused attention; before June 2025 values stood beside a latent (a log of build 5331)."""

    ubatch: int = 512
    """Tokens computed at once (-ub)."""
    unified: bool = False
    """One buffer for all sequences (--kv-unified), as when the server chooses their number."""
    swa_full: bool = False
    """Windows are given a full layer's cells (--swa-full)."""
    rollback: int = 0
    """Snapshots of recurrent states kept for each sequence, for drafts that are rejected."""
    flash: bool = True
    """Fused attention (-fa), which llama.cpp chooses by itself where it can; without it scores are held."""
    mask_f32: bool = False
    """Fused attention's mask is made in f32 before it is held in f16, whatever the version."""
    outputs: int = 0
    """Positions that may ask for logits at once; 0 for what the version allows."""


def cache(kinds: Iterable[Mixer], serving: Serving, cache_types: Types, options: Options) -> Cache:
    """Bytes of the buffers, which are allocated at the start."""
    kinds = tuple(kinds)
    return buffers(kinds, serving, cache_types, resolved(kinds, options))


def buffers(kinds: Iterable[Mixer], serving: Serving, cache_types: Types, options: Options) -> Cache:
    """Bytes of some layers' buffers, by options that were resolved for the whole model."""
    return Cache(gathered(_line(state, layers * state.used, serving, cache_types, options) for layers, state in
                          _cached_states(kinds, options)))


def resolved(kinds: Iterable[Mixer], options: Options) -> Options:
    """The options as they hold for a model: windows count only beside layers without one."""
    states = (state for _, state in _cached_states(kinds, options))
    mixed = any(state.per == "token" and not (state.window or state.chunk) for state in states)
    return options if mixed else options._replace(swa_full=True)


def _cached_states(kinds: Iterable[Mixer], options: Options) -> list[tuple[int, State]]:
    """What is kept and in how many layers."""
    states = [(mixer.layers, state) for mixer in kinds for state in mixer.states if state.per != "source"]
    if options.version < LATENT_ALONE:
        states += [(layers, state._replace(name="v")) for layers, state in states if state.axes[-1] == "latent"]
    return states


def _line(state: State, layers: int, serving: Serving, cache_types: Types, options: Options) -> Line:
    if state.per == "sequence":
        cells = serving.batch * (1 + options.rollback) * state.entries
        row = layers * cache_type("fp32").row(needed(state))
        return Line(describe(state), state.kind, layers, cells, cells * row)
    row = layers * cache_types.row(state)
    cells = all_cells(state, serving.context, serving.batch, options)
    reach = state.window or state.chunk
    growing = reach is None or all_cells(state, serving.context + PAD, serving.batch, options) > cells
    return Line(describe(state), state.kind, layers, cells, cells * row, row // state.stride if growing else 0)


def all_cells(state: State, context: int, batch: int, options: Options) -> int:
    """Cells (a token's keys and values each) of one layer, all sequences together."""
    full = padded(state.length(context, context), options)
    reach = state.window or state.chunk
    if reach is None or options.swa_full:
        return batch * full // state.stride
    if options.unified:
        return padded(min(batch * full, batch * reach + options.ubatch), options) // state.stride
    return batch * padded(min(full, reach + options.ubatch), options) // state.stride


def padded(cells: int, options: Options) -> int:
    """Cells of the cache, one for each token, rounded up to the multiple that llama.cpp allocates."""
    pad = 32 if options.version < OUTPUT_COUNTS and not options.flash else PAD
    return -(-cells // pad) * pad


def chunk(serving: Serving, options: Options) -> int:
    """Tokens of one micro-batch (`--ubatch-size`), of all sequences together."""
    return min(options.ubatch, serving.batch * padded(serving.context, options))


def copied(serving: Serving, options: Options) -> int:
    """Sequences of a micro-batch, whose recurrent states an operator reads apart from those it gives."""
    return min(serving.batch, chunk(serving, options))


def logit_rows(serving: Serving, options: Options) -> int:
    """The graph is reserved with logits for as many tokens of a micro-batch as may ask for them."""
    before = chunk(serving, options) if options.version < OUTPUT_COUNTS else 512
    allowed = options.outputs or (serving.batch if options.version >= FEW_OUTPUTS else before)
    return min(chunk(serving, options), allowed)


def score_keys(serving: Serving, options: Options) -> int:
    """The number of keys each query's scores are held for: 0 with fused attention."""
    return 0 if options.flash else _shared(serving, options) * padded(serving.context, options)


def mask(kinds: Iterable[Mixer], serving: Serving, options: Options) -> Mask:
    """A value of each token for every cell it could see, one mask for layers of each reach: f16 with fused attention,
    else f32 (ggml-org/llama.cpp#23764)."""
    spans = _visible_cells(kinds, serving, options)
    if not options.flash:
        return Mask(4 * spans, 4 * spans)
    if options.version < OUTPUT_COUNTS:
        return Mask(2 * spans, 6 * spans, 2 * spans)
    return Mask(2 * spans, 6 * spans if options.mask_f32 or options.version < HALF_MASKS else 2 * spans)


def mask_input(kinds: Iterable[Mixer], serving: Serving, options: Options) -> int:
    """Bytes for each token of the masks the host makes."""
    half = options.flash and not options.mask_f32 and options.version >= HALF_MASKS
    return (2 if half else 4) * _visible_cells(kinds, serving, options)


def _visible_cells(kinds: Iterable[Mixer], serving: Serving, options: Options) -> int:
    """Cells a token could see, in layers of each reach once."""
    kinds = tuple(kinds)
    options = resolved(kinds, options)
    reaches = {state.window or state.chunk: state for _, state in _cached_states(kinds, options)
               if state.per == "token" and state.stride == 1}
    cells = sum(all_cells(state, serving.context, serving.batch, options) for state in reaches.values())
    return _shared(serving, options) * cells // serving.batch


def _shared(serving: Serving, options: Options) -> int:
    """Sequences whose cells stand in one buffer, so that each token's scores and mask go over all of them."""
    return serving.batch if options.unified else 1
