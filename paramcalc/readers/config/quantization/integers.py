"""Codes of a few bits with a scale a row or a group: HQQ, quanto, EETQ, BitNet, Metal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.readers.config.quantization.matching import inside, searched
from paramcalc.readers.config.quantization.replaced import replaced, stacked
from paramcalc.readers.config.quantization.settings import Quantized, group_word, keep, take

if TYPE_CHECKING:
    from paramcalc.readers.config.quantization.settings import Settings
    from paramcalc.spec.quantize import QuantRule

QUANTO = {"int8": "quanto_int8", "float8": "quanto_float8", "int4": "quanto_int4", "int2": "quanto_int2"}


def hqq(settings: Settings) -> Quantized:
    """A text inside a name skips it; settings a kind are keyed by the last two parts of its name, and a Linear without
    such a key stays as it is. Source: transformers quantizers/quantizer_hqq.py."""
    skipped = keep(inside(settings.names("skip_modules") or ["lm_head"]))
    settings.get("view_as_float", "axis")
    config = settings.mapping("quant_config") or settings
    if "weight_quant_params" in config.data or config is settings:
        rest = replaced(settings, _hqq(config), settings.names("modules_to_not_convert"))
        return rest._replace(rules=(*skipped, *rest.rules))
    rules: list[QuantRule] = []
    for name in config.data:
        own = config.mapping(name)
        if own is not None:
            rules.append(take(_hqq(own), ("linear",), inside([name])))
    return Quantized((*skipped, *stacked(settings), *rules))


def _hqq(config: Settings) -> str:
    weights = config.mapping("weight_quant_params") or config
    config.get("offload_meta")
    weights.get("axis", "channel_wise", "optimize", "round_zero", "view_as_float")
    bits, group = weights.bits("nbits", "bits"), weights.number("group_size", default=64)
    return f"hqq-{bits}bit-{group_word(group)}"


def quanto(settings: Settings) -> Quantized:
    """optimum-quanto: weights of int8 and float8 a scale a row, of int4 and int2 a scale and a shift each 128."""
    settings.get("activations")
    word = settings.text("weights", default="int8").removeprefix("q")
    if word not in QUANTO:
        return Quantized((), (settings.caveat("weights", f"{word!r} is not known", "unknown"),))
    return replaced(settings, QUANTO[word], settings.names("modules_to_not_convert"), before=inside)


def eetq(settings: Settings) -> Quantized:
    """EETQ: int8 with a 16-bit scale a row. Source: transformers integrations/eetq.py."""
    settings.get("weights")
    return replaced(settings, "eetq", settings.names("modules_to_not_convert"))


def bitnet(settings: Settings) -> Quantized:
    """BitNet: four ternary weights a byte; `online` checkpoints hold plain weights. Source: transformers
    integrations/bitnet.py."""
    settings.get("linear_class", "use_rms_norm", "rms_norm_eps")
    if settings.text("quantization_mode", default="offline") == "online":
        return Quantized()
    return replaced(settings, "bitnet", settings.names("modules_to_not_convert"), before=inside)


def gemma(settings: Settings) -> Quantized:
    """transformers' pre-quantized Gemma: expressions found anywhere in a name give it bits of its own, the first hit.
    Source: transformers integrations/gemma_quant.py."""
    bits = settings.bits("num_bits")
    skipped = settings.names("modules_to_not_convert")
    base = replaced(settings, f"gemma-{bits}bit", skipped)
    kinds = base.rules[-1].among
    own: list[QuantRule] = []
    tables: list[QuantRule] = []
    widths = settings.mapping("module_quant_configs")
    for name in widths.data if widths else ():
        part = widths.inner(widths.get(name) or {}, name) if widths else settings
        width = part.bits("num_bits", default=bits)
        own.append(take(f"gemma-{width}bit", kinds, searched([name])))
        tables.append(take(f"gemma-{width}bit-table", ("embedding",), searched([name])))
    tables.append(take(f"gemma-{bits}bit-table", ("embedding",)))
    if not settings.flag("quantize_embeddings"):
        return base._replace(rules=(*base.rules[:-1], *own, base.rules[-1]))
    tied = settings.caveat("quantize_embeddings", "a head tied to the table is counted as one with it", "estimate")
    return base._replace(rules=(*base.rules[:-1], *own, base.rules[-1], *tables), caveats=(*base.caveats, tied))


def metal(settings: Settings) -> Quantized:
    """transformers' Metal kernels: MLX's codes with scales in FP32. Source: transformers
    integrations/metal_quantization.py."""
    bits, group = settings.bits("bits"), settings.number("group_size", default=64)
    return replaced(settings, f"metal-{bits}bit-g{group}", settings.names("modules_to_not_convert"))
