"""How a config.json says its weights are held, as rules of the specification: a module for each kind of method.

`methods.py` says which function reads which method. What a method or a setting says that nobody here understands
becomes a caveat on the weights: they are then no more than a lower bound, and the answer names the key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.readers.config.quantization.settings import Quantized

if TYPE_CHECKING:
    from collections.abc import Sequence

KEYS = ("quantization_config", "quantization", "compression_config")
"""What configs call their settings: of transformers and vLLM, of MLX, of older compressed-tensors."""


def quantization(configs: Sequence[dict[str, Any]], beside: dict[str, Any] | None = None) -> Quantized:
    """Rules, caveats and notes from the first of the configs that says how its weights are quantized.

    `beside` is the content of a hf_quant_config.json in the same folder, which counts where the config itself says
    no method. Raises SpecError for settings that cannot be.
    """
    settings = next(((config, key) for config in configs for key in KEYS if config.get(key)), None)
    if settings is None and beside is None:
        return _experts_alone(configs)
    from paramcalc.readers.config.quantization.methods import read

    return read(configs, settings, beside)


def _experts_alone(configs: Sequence[dict[str, Any]]) -> Quantized:
    """What `expert_dtype` says where nothing else does."""
    width = next((config["expert_dtype"] for config in configs if config.get("expert_dtype")), None)
    if width in (None, "bf16", "bfloat16"):
        return Quantized()
    from paramcalc.spec.caveats import Caveat

    reason = f"expert_dtype: {str(width)[:40]!r} without a quantization_config that says how"
    return Quantized((), (Caveat(figure="weights", known="unknown", reason=reason),))
