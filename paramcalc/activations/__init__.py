"""What the forward pass keeps for the backward pass: one function a kind of component, as `KINDS` registers them.

To describe a kind, add a line: the word people write in `kind:`, the module of this package and its function, which
takes the component and a `Forward` and gives the tensors it keeps. A kind without a line is unknown: it is named beside
the figure, which leaves it out.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramcalc.activations.forward import Forward
    from paramcalc.activations.saved import SavedActivation

    Saves = Callable[[object, Forward], list[SavedActivation]]

KINDS: dict[str, tuple[str, str]] = {
    "embedding": ("embedding", "embedding"),
    "attention": ("attention", "attention"),
    "differential_attention": ("attention", "differential_attention"),
    "dynamic_mask_attention": ("attention", "attention"),
    "latent_attention": ("latent_attention", "latent_attention"),
    "indexer": ("indexer", "indexer"),
    "mamba": ("state_space", "mamba"),
    "mamba2": ("state_space", "mamba2"),
    "gated_delta": ("delta_rule", "gated_delta"),
    "kimi_delta": ("delta_rule", "kimi_delta"),
    "short_conv": ("short_conv", "short_conv"),
    "lightning_attention": ("lightning", "lightning_attention"),
    "rg_lru": ("rg_lru", "rg_lru"),
    "rwkv_time_mix": ("rwkv", "rwkv_time_mix"),
    "rwkv_channel_mix": ("rwkv", "rwkv_channel_mix"),
    "ffn": ("ffn", "ffn"),
    "moe": ("moe", "moe"),
    "altup": ("altup", "altup"),
    "layers": ("stack", "layers"),
    "rmsnorm": ("norm", "norm"),
    "layernorm": ("norm", "norm"),
    "convolution": ("convolution", "convolution"),
    "batchnorm": ("convolution", "batchnorm"),
    "linear": ("linear", "linear"),
    "head": ("linear", "head"),
    "parameter": ("linear", "parameter"),
}


@cache
def saves(kind: str) -> Saves | None:
    """The function that says what a kind keeps; None where nobody described it."""
    if kind not in KINDS:
        return None
    module, name = KINDS[kind]
    function: Saves = getattr(import_module(f"paramcalc.activations.{module}"), name)
    return function
