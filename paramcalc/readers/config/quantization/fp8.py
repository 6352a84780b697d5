"""FP8 and MXFP4 checkpoints as transformers, DeepSeek and vLLM write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.readers.config.quantization.matching import exact_names, inside, start_or_end, under
from paramcalc.readers.config.quantization.replaced import replaced, skips
from paramcalc.readers.config.quantization.settings import Quantized, keep, take

if TYPE_CHECKING:
    from paramcalc.readers.config.quantization.settings import Settings
    from paramcalc.spec.caveats import Caveat
    from paramcalc.spec.quantize import QuantRule

WIDER = ("compressor", "indexer.weights_proj")
"""Matrices that files with such experts hold without scales, whatever the config says: those of
deepseek-ai/DeepSeek-V4-Flash that have no `.scale` beside their `.weight`."""
EXPERTS = {"fp4": "mxfp4", "mxfp4": "mxfp4", "nvfp4": "nvfp4", "fp8": "", "fp8_e4m3": ""}
"""What `expert_dtype` says: a format, or the one of the other matrices."""


def fp8(settings: Settings) -> Quantized:
    """One byte a weight, a scale a block or a tensor. `modules_to_not_convert` is read as transformers reads it,
    `ignored_layers` as vLLM does (whole names, the experts of a layer by prefix).

    Sources: transformers FineGrainedFP8Config; vllm-project/vllm@0071b24bf8fe:…/quantization/fp8.py.
    """
    settings.get("fmt", "activation_scheme", "modules_to_convert", "weight_per_tensor", "act_per_tensor")
    format_ = _blocks(settings)
    skipped = settings.names("modules_to_not_convert")
    ignored = settings.names("ignored_layers")
    rules = [*keep(skips(settings, skipped or [], inside)), *keep(_ignored(ignored or ()))]
    experts, caveats = _experts(settings)
    rules += experts
    if settings.get("modules_to_convert"):
        rules.append(take("fp8_tensor", (), start_or_end(settings.names("modules_to_convert") or ())))
    if skipped is not None and not any("head" in name for name in skipped):
        caveats.append(settings.caveat("modules_to_not_convert", "the head is taken to be in 16 bits, as vLLM "
                                       "reads such a list; transformers would hold it in 8", "estimate"))
    return Quantized((*rules, take(format_, ("linear", "towers"))), tuple(caveats))


def _blocks(settings: Settings) -> str:
    size = settings.get("weight_block_size")
    power = settings.text("scale_fmt") == "ue8m0"
    if size is None:
        return "fp8_channel" if settings.flag("weight_per_channel") else "fp8_tensor"
    if type(size) not in (list, tuple) or len(size) != 2 or not all(type(n) is int and 0 < n <= 2**17 for n in size):
        raise settings.expected("two sizes of a block", "weight_block_size", size)
    return f"fp8_block{'_ue8m0' if power else ''}-b{size[0]}x{size[1]}"


def _ignored(names: list[str] | tuple[str, ...]) -> list[str]:
    """Whole names; what holds `experts` takes all experts of that layer."""
    return [text for name in names for text in (under([name]) if "experts" in name else exact_names([name]))]


def _experts(settings: Settings) -> tuple[list[QuantRule], list[Caveat]]:
    """Routed experts in another format: DeepSeek-V4's `expert_dtype`, ModelOpt's `quantized_layers` of such a file."""
    if settings.text("quant_algo", "moe_quant_algo"):
        from paramcalc.readers.config.quantization.modelopt import ALGORITHMS, layers

        settings.get("config_groups", "ignore", "group_size", "exclude_modules", "moe_quant_algo", "expert_dtype",
                     "kv_cache_quant_algo", "kv_cache_scheme")
        rules, caveats = layers(settings)
        algorithm = settings.text("moe_quant_algo").upper()
        if algorithm in ALGORITHMS and not rules:
            rules = [take(ALGORITHMS[algorithm], ("experts",))]
        return rules, caveats
    width = settings.text("expert_dtype")
    if not width or EXPERTS.get(width) == "":
        return [], []
    if width not in EXPERTS:
        return [], [settings.caveat("expert_dtype", f"{width!r} is not known")]
    return [*keep(WIDER), take(EXPERTS[width], ("experts",))], [settings.caveat(
        "expert_dtype", "files with such experts hold hyper-connections and tables in wider types than the config says",
        "estimate")]


def fbgemm(settings: Settings) -> Quantized:
    """FBGEMM: a scale a row. Source: transformers integrations/fbgemm_fp8.py."""
    settings.get("activation_scale_ub")
    return replaced(settings, "fp8_channel", settings.names("modules_to_not_convert"))


def mxfp8(settings: Settings) -> Quantized:
    """A byte of scale for each 32 weights of a row, otherwise as FP8. Source: transformers quantizers/auto.py."""
    if settings.get("weight_block_size") is None:
        settings.data = settings.data | {"weight_block_size": [1, 32]}
    settings.data = settings.data | {"scale_fmt": "ue8m0"}
    return fp8(settings)


def mxfp4(settings: Settings) -> Quantized:
    """gpt-oss: only the experts' matrices; the list of others is read as expressions. Source: transformers
    integrations/mxfp4.py."""
    unquantized = settings.names("modules_to_not_convert")
    why = settings.caveat("quant_method", "experts alone are held so, and there are none: the weights are given in "
                          "their dtype", "unknown")
    return Quantized((*keep(skips(settings, unquantized or [], start_or_end)), take("mxfp4", ("experts",))),
                     () if settings.experts else (why,))
