"""How runtimes hold what a model needs: one module each, with its rules, their source, and what can be set.

To add one: a module with `VERSION`, `SOURCE`, `Options`, `cache()`, `chunk()`, `logit_rows()` and a `PROFILE`, its name
in `RuntimeName` and, where it serves, in `ServingRuntime`; what its documents say in `catalog/runtimes.json`.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from paramcalc.errors import Problem, UsageError
from paramcalc.estimates.prefill import NO_MASK, Mask
from paramcalc.settings import near_choice

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from paramcalc.estimates.pool import Pool
    from paramcalc.measures.cache import Cache, Mixer, Serving, Types
    from paramcalc.tree import Node

RuntimeName = Literal["exact", "transformers", "vllm", "sglang", "tensorrt-llm", "llama.cpp"]
ServingRuntime = Literal["vllm", "sglang", "tensorrt-llm", "llama.cpp", "transformers"]
"""Runtimes that serve, in the order in which the first that fits is taken."""
BOUND: RuntimeName = "exact"
"""What the mathematics needs: a lower bound of every runtime, and so never a verdict."""
PLACING: RuntimeName = "llama.cpp"
"""The runtime that places a model on unlike cards and partly on the host: `estimates/offload` follows its rules."""
RUNTIMES: tuple[str, ...] = get_args(RuntimeName)
"""What people write: the module's name, with a hyphen or a dot for its underscore."""
SERVED = ("bf16", "fp8", "fp8_block", "awq", "gptq", "nvfp4", "mxfp4")
"""Weight formats of the catalog that servers load."""
CUDA_CONTEXT_BYTES = 352 * 2**20
"""What a CUDA context and its libraries take on each device beside torch's memory, as a profile of vLLM on an RTX 3090
printed it (github.com/vllm-project/vllm/issues/10517)."""

TILE = 16
"""Rows of the smallest tile of tensor cores: one instruction (m16n8k16 of PTX). TensorRT-LLM takes 8 to 128 by tokens
an expert (NVIDIA/TensorRT-LLM@b35ac1b64368:tensorrt_llm/_torch/custom_ops/trtllm_gen_custom_ops.py)."""
TRITON_TILES = (TILE, 64)
"""Of Triton's kernel of experts, which takes larger tiles for FP8, and for weights that are not quantized once a batch
has more rows than a device has experts of a layer (sgl-project/sglang@c050f40d99a1:python/sglang/srt/layers/moe/
fused_moe_triton/fused_moe_triton_config.py, get_default_config)."""
ROW_BY_ROW = (1, 1)
"""The few tokens of an expert are multiplied one by one."""


class Profile(NamedTuple):
    """How a runtime works, apart from its cache."""

    split: str
    """How several devices share a model when nothing else is said: `tp` or `pp`."""
    vocab_multiple: int = 0
    """What the vocabulary is padded to a multiple of; no more than the devices need when 0."""
    rotary_table: bool = False
    """Cosines and sines of every position are held with the weights."""
    caching_allocator: bool = False
    """Weights are held as torch's allocator holds them: see `paramcalc.estimates.allocator`."""
    kv_dtype: str | None = None
    """Of the cache, where it does not follow the model's."""
    kv_dtype_of_few_bits: str | None = None
    """Of the cache, where weights are in FP8 or NVFP4."""
    compute_bytes: int = 2
    """Of an activation."""
    context_bytes: int = 0
    """What the driver, libraries and kernels take on each device, whatever the model."""
    graph_bytes: int = 0
    """What captured graphs take."""
    utilization: tuple[int, int] = (1, 1)
    """The part of a device it uses: (9, 10)."""
    gguf: bool = False
    """Weights are those of a GGUF file."""
    formats: tuple[str, ...] = ()
    """Weight formats it loads of those `--quant all` compares."""
    mixes: bool = False
    """It loads every mix of GGUF files too."""
    smaller: tuple[str, ...] = ()
    """Weight formats to try where a model does not fit, the largest first."""
    drafts: str = ""
    """Its option for tokens that are drafted for each sequence; empty where it keeps no state for them."""
    expert_tiles: tuple[int, int] = (TILE, TILE)
    """Rows of the smallest tile in which routed experts are multiplied: of few rows, and in FP8 or of many rows that
    are not quantized (more than a device has experts of a layer)."""
    notes: tuple[tuple[str, str], ...] = ()
    """Assumptions behind these numbers, with their source."""


class Runtime:
    """A runtime and its options."""

    def __init__(self, name: str, settings: Sequence[str] = ()) -> None:
        """Raises UsageError for a runtime, an option or a value that is none."""
        self.profile = profile_of(name)
        self.name = name
        choices: dict[str, tuple[str, ...]] = getattr(self._module, "CHOICES", {})
        self.options: Any = _options(name, self._module.Options, settings, choices)
        self.version: str = self._module.VERSION
        self.source: str = self._module.SOURCE

    @property
    def _module(self) -> Any:  # noqa: ANN401 - a module, which as a field would not pickle
        return _rules(self.name)

    def cache(self, kinds: Iterable[Mixer], serving: Serving, cache_types: Types) -> Cache:
        """Bytes of its caches on one device, by kind of state, with `serving.context` tokens of each sequence."""
        cache: Cache = self._module.cache(kinds, serving, cache_types, self.options)
        return cache

    def utilization(self, capacity: int, devices: int) -> tuple[int, int]:
        """The share of a device of so many bytes it uses by itself, where so many share the model."""
        make: Any = getattr(self._module, "utilization", None)
        share: tuple[int, int] = self.profile.utilization if make is None else make(capacity, devices, self.options)
        return share

    def reserved(self, memory: Any, share: int) -> Pool | None:  # noqa: ANN401 - an `inference.Memory`: that is below
        """The cache it reserves on the device with the least room, of `share` bytes of each; None where it reserves
        none."""
        make: Any = getattr(self._module, "reserved", None)
        pool: Pool | None = None if make is None else make(memory, share)
        return pool

    def weight_layout(self, tree: Node) -> Node:
        """The weights as it holds them: matrices in layouts of its kernels."""
        make: Any = getattr(self._module, "weight_layout", None)
        weights: Node = tree if make is None else make(tree, self.options)
        return weights

    def chunk(self, serving: Serving) -> int:
        """Tokens computed at once, of all sequences together."""
        return int(self._module.chunk(serving, self.options))

    def logit_rows(self, serving: Serving) -> int:
        """Positions that get logits at once, of all sequences together."""
        return int(self._module.logit_rows(serving, self.options))

    def score_keys(self, serving: Serving) -> int:
        """The number of keys each query's scores are held for; 0 with fused attention."""
        count = getattr(self._module, "score_keys", None)
        return 0 if count is None else int(count(serving, self.options))

    def copied(self, serving: Serving) -> int:
        """The number of sequences whose recurrent states are copied, not changed in place."""
        count = getattr(self._module, "copied", None)
        return 0 if count is None else int(count(serving, self.options))

    def mask(self, kinds: Iterable[Mixer], serving: Serving) -> Mask:
        """What says which keys a token sees; nothing where none is made."""
        make: Any = getattr(self._module, "mask", None)
        mask: Mask = NO_MASK if make is None else make(kinds, serving, self.options)
        return mask


def profile_of(name: str) -> Profile:
    """How a runtime works. Raises UsageError for a name that is none of `RUNTIMES`."""
    if name not in RUNTIMES:
        near = near_choice(str(name), RUNTIMES)
        raise UsageError(Problem(f"unknown runtime {name!r}",
                                 hint=f"did you mean {near}?" if near else f"one of {', '.join(RUNTIMES)}"))
    profile: Profile = _rules(name).PROFILE
    return profile


@cache
def _rules(name: str) -> Any:  # noqa: ANN401 - a module
    """The module of a runtime."""
    return import_module(f"{__name__}.{re.sub('[-.]', '_', name)}")


def _options(name: str, kind: Any, settings: Sequence[str],  # noqa: ANN401 - a NamedTuple of each module
             choices: dict[str, tuple[str, ...]]) -> Any:  # noqa: ANN401
    values: dict[str, object] = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        key = key.replace("-", "_")
        if key in values:
            raise UsageError(Problem(f"{name}: the option {key} is given twice", hint="leave one out"))
        if key not in kind._fields or not equals:
            options = ", ".join(f"{field}={kind._field_defaults[field]}" for field in kind._fields) or "none"
            raise UsageError(Problem(f"{name} has no option {setting!r}",
                                     hint=f"known, with their defaults: {options}"))
        values[key] = _value(key, text, kind._field_defaults[key], choices.get(key, ()))
    return kind(**values)


def _value(key: str, text: str, default: object, choices: tuple[str, ...]) -> object:
    if choices:
        if text not in choices:
            raise UsageError(Problem(f"{key}={text[:40]!r} is not known", hint=f"one of {', '.join(choices)}"))
        return text
    if isinstance(default, bool):
        if text.lower() not in ("true", "false", "yes", "no", "1", "0"):
            raise UsageError(Problem(f"{key}={text[:40]!r} is not true or false"))
        return text.lower() in ("true", "yes", "1")
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise UsageError(Problem(f"{key}={text[:40]!r} is not an integer"))
    return int(text)
