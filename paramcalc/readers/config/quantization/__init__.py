"""How a config.json says its weights are held, as rules of the specification: a module for each kind of method.

`methods.py` says which function reads which method. What a method or a setting says that nobody here understands
becomes a caveat on the weights: they are then no more than a lower bound, and the answer names the key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.readers.config.quantization.settings import Quantized

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from paramcalc.readers.config.config import Config
    from paramcalc.spec.caveats import Caveat

KEYS = ("quantization_config", "quantization", "compression_config")
"""What configs call their settings: of transformers and vLLM, of MLX, of older compressed-tensors."""


def quantization(configs: Sequence[dict[str, Any]], beside: dict[str, Any] | None = None,
                 parts: Sequence[Config] = ()) -> Quantized:
    """Rules, caveats and notes from the first of the configs that says how its weights are quantized.

    `beside` is the content of a hf_quant_config.json in the same folder, which counts where the config itself says
    no method; `parts` are further nested configs, whose own settings nobody reads. Raises SpecError for settings that
    cannot be.
    """
    apart = configs if configs[0] is not configs[-1] else configs[:1]
    settings = [(config, key) for config in apart for key in KEYS if config.get(key)]
    if not settings and beside is None:
        quantized = _experts_alone(configs)
    else:
        from paramcalc.readers.config.quantization.methods import read

        quantized = read(configs, settings[0] if settings else None, beside)
    unused = tuple(_unused(settings, parts)) if settings or parts else ()
    return quantized._replace(caveats=(*quantized.caveats, *unused)) if unused else quantized


def _unused(settings: Sequence[tuple[dict[str, Any], str]], parts: Iterable[Config]) -> Iterator[Caveat]:
    """Settings that say something else than those that are read."""
    first = settings[0][0][settings[0][1]] if settings else None
    others = [(key, config[key]) for config, key in settings[1:]]
    others += [(".".join((*part.path, key)), part.data[key]) for part in parts for key in KEYS if part.data.get(key)]
    for place, value in others:
        if value != first:
            from paramcalc.spec.caveats import Caveat

            read = f"not used beside {settings[0][1]}" if settings else "not used"
            yield Caveat(figure="weights", known="unknown", reason=f"{place[:200]}: settings of their own, {read}")


def _experts_alone(configs: Sequence[dict[str, Any]]) -> Quantized:
    """What `expert_dtype` says where nothing else does."""
    width = next((config["expert_dtype"] for config in configs if config.get("expert_dtype")), None)
    if width in (None, "bf16", "bfloat16"):
        return Quantized()
    from paramcalc.spec.caveats import Caveat

    reason = f"expert_dtype: {str(width)[:40]!r} without a quantization_config that says how"
    return Quantized((), (Caveat(figure="weights", known="unknown", reason=reason),))
