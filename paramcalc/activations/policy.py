"""Whose accounting of saved activations is followed, and how the model is run."""

from __future__ import annotations

from typing import Literal, NamedTuple

from paramcalc.defaults import TRAINING

AttentionKernel = Literal["eager", "sdpa", "flash"]
Recompute = Literal["none", "selective", "per-op", "full"]
"""What is computed again for the backward pass: nothing; attention's scores (arXiv:2205.05198 section 5); all but every
other product and what attention gives, as torchtitan does by default (torchtitan/distributed/activation_checkpoint.py);
or all of a layer."""
Library = Literal["transformers", "megatron"]


class Policy(NamedTuple):
    """Whose accounting it is and how it is run."""

    attention: AttentionKernel = TRAINING.attention
    recompute: Recompute = TRAINING.recompute
    library: Library = TRAINING.activations
    dtype: str = TRAINING.dtype
    batch: int = TRAINING.micro_batch
    """Sequences in a micro-batch: with more than one, views of several heads are copied to be multiplied."""
