"""Whose accounting of saved activations is followed, and how the model is run."""

from __future__ import annotations

from typing import Literal, NamedTuple

AttentionKernel = Literal["eager", "sdpa", "flash"]
Recompute = Literal["none", "selective", "full"]
Library = Literal["transformers", "megatron"]


class Policy(NamedTuple):
    """Whose accounting it is and how it is run."""

    attention: AttentionKernel = "eager"
    recompute: Recompute = "none"
    library: Library = "transformers"
    dtype: str = "bf16"
    batch: int = 1
    """Sequences in a micro-batch: with more than one, views of several heads are copied to be multiplied."""
