"""What is meant where nothing is said, of serving, of training and of a workload: the one place it is written.

The command line, Python and `expect:` read these, and so do the classes the estimates work on. Each field is named as
its option and as its key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Convention = Literal["full", "causal"]
"""full: what eager attention's matrix products compute, masked or not; causal: only the pairs that the causal
mask allows."""
Recompute = Literal["none", "selective", "full"]
"""What FLOPs of a step count twice: none; attention's products of tokens with tokens (arXiv:2205.05198, section 5); the
forward pass of all layers."""
TowerParallel = Literal["weights", "data"]
"""What devices divide of towers: their matrices, or the pictures and recordings they run over."""
TOKENS = 4096
"""Tokens of a sequence, in every command."""


@dataclass(frozen=True)
class ServingDefaults:
    """How a model is served, and how much at once."""

    context: int = TOKENS
    batch: int = 1
    source: int | None = None
    """Tokens of the encoder's input; as many as the context."""
    dtype: str = "bf16"
    quant: str | None = None
    """The formats the model says itself."""
    kv_dtype: str | None = None
    """The runtime's own."""
    imatrix: bool | None = None
    """What published files of a GGUF mix are made with."""
    runtime: Literal["exact"] = "exact"
    draft_tokens: int = 1
    loras: int = 0
    lora_rank: int = 16
    """As vLLM's and SGLang's servers have it."""
    dp: int | None = None
    tp: int | None = None
    """Parallel sizes as the runtime divides `gpus` devices."""
    pp: int | None = None
    ep: int | None = None
    gpus: int | None = None
    tower_parallel: TowerParallel | None = None
    """As the runtime does by itself: it divides weights where it can."""


@dataclass(frozen=True)
class TrainingDefaults:
    """What is trained, in which formats, by what, and how devices divide it."""

    seq: int = TOKENS
    arithmetic: Literal["bf16"] = "bf16"
    """Of products of weights."""
    micro_batch: int = 1
    source: int | None = None
    """Tokens of the encoder's input; as many as `seq`."""
    dtype: str = "bf16"
    quant: str | None = None
    compute_dtype: str | None = None
    """The weights'."""
    grad_dtype: str | None = None
    """The weights'."""
    master: bool = True
    optimizer: str = "adamw"
    loss: Literal["plain"] = "plain"
    method: Literal["sft"] = "sft"
    recompute: Literal["none"] = "none"
    attention: Literal["flash"] = "flash"
    activations: Literal["transformers"] = "transformers"
    zero: int = 0
    zero_shards: int | None = None
    """All ranks that hold the same."""
    tp: int = 1
    pp: int = 1
    ep: int = 1
    cp: int = 1
    dp: int = 1
    sequence_parallel: bool = True
    interleave: int = 1
    schedule: Literal["1f1b"] = "1f1b"
    micro_batches: int | None = None
    """As many as fill the pipeline."""
    lora_rank: int | None = None
    """All weights are trained."""
    lora_dropout: float = 0.0
    dora: bool = False
    freeze: tuple[str, ...] = ()
    """All towers are trained with the rest."""


@dataclass(frozen=True)
class WorkloadDefaults:
    """What runs through a model at once, and how its FLOPs are counted."""

    seq: int = TOKENS
    batch: int = 1
    source: int | None = None
    """Tokens of the encoder's input; as many as `seq`."""
    past: int = 0
    convention: Literal["full"] = "full"
    head: Literal["all"] = "all"
    recompute: Literal["none"] = "none"


SERVING = ServingDefaults()
TRAINING = TrainingDefaults()
WORKLOAD = WorkloadDefaults()
