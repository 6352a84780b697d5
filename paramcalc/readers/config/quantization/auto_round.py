"""AutoRound: the layouts of other methods, blocks named by prefix, each module with settings of its own.

Source: intel/auto-round@b9f3d0079d01:auto_round/inference/convert_model.py#L65-L410.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from paramcalc.readers.config.quantization.matching import exact_names, searched, starts
from paramcalc.readers.config.quantization.settings import Quantized, group_word, keep, take
from paramcalc.spec.quantize import KEEP

if TYPE_CHECKING:
    from paramcalc.readers.config.quantization.settings import Settings
    from paramcalc.spec.quantize import QuantRule

TUNED = ("nblocks", "enable_minmax_tuning", "enable_norm_bias_tuning", "act_bits", "act_data_type", "act_dynamic",
         "act_group_size", "act_sym", "quant_block_list", "super_bits", "super_group_size", "low_cpu_mem_usage",
         "sampler", "not_use_best_mse", "dynamic_max_gap", "scale_dtype", "not_use_mse", "desc_act")
LAYOUTS = {"", "auto_round", "auto_gptq", "gptqmodel", "gptq", "auto_awq", "awq", "llm_compressor", "exllamav2",
           "triton", "marlin", "fp8", "fp8_static", "mlx", "mxfp4", "mxfp8", "nvfp4"}
"""Words of packings that are known: `auto_round:auto_gptq`."""
PACKINGS = {"awq": "awq", "llm_compressor": "pack_quantized", "mlx": "mlx"}
"""Words of packings and the format of their integers; of all others GPTQ's."""
WIDTHS = {"gptq": (2, 3, 4, 8), "awq": (4, 8)}
"""Bits of which it is known how a packing lays codes into words. AutoRound takes 2 to 8 (transformers
utils/quantization_config.py, AutoRoundConfig)."""
REGEX = set("*^$[]()|+?\\")
NUMBERED = re.compile(r"\.\d+\.")
"""A module's whole name has the number of its layer; anything else is looked for as an expression."""


def auto_round(settings: Settings) -> Quantized:
    """Only blocks under `block_name_to_quantize`; `extra_config` by whole names, then by its expressions; 16 bits are
    no quantization; `modules_to_not_convert` is an expression found anywhere."""
    settings.get(*TUNED)
    bits, group = settings.bits("bits"), settings.number("group_size", default=128)
    layout = settings.text("packing_format", default="auto_round:auto_gptq")
    kind = settings.text("data_type", default="int")
    settings.get("sym")
    caveats = () if LAYOUTS.issuperset(layout.split(":")) else (
        settings.caveat("packing_format", f"{layout[:40]!r} is not known: counted as GPTQ's"),)
    rules: list[QuantRule] = [*keep(searched(settings.names("modules_to_not_convert") or ()))]
    extra = settings.mapping("extra_config")
    exact, expressions = [], []
    for name in extra.data if extra else ():
        own = extra.inner(extra.get(name) or {}, name) if extra else settings
        own.get("sym", "data_type", *TUNED)
        width, size = own.bits("bits", default=bits), own.number("group_size", default=group)
        format_ = KEEP if width >= 16 else packed(layout, own.text("data_type", default=kind), width, size)
        if REGEX & set(name) or not NUMBERED.search(name):
            expressions.append(take(format_, (), searched([name])))
        else:
            exact.append(take(format_, (), exact_names([name])))
    blocks = settings.names("block_name_to_quantize", "to_quant_block_names", "quant_block_list")
    prefixes = [part.strip() for text in blocks or () for part in text.split(",")]
    base = packed(layout, kind, bits, group)
    if any(rule.format.startswith("codes-") for rule in (*exact, *expressions, take(base))):
        caveats = (*caveats, settings.caveat("bits", "how codes of 5 to 7 bits are packed is not known: the codes are "
                                             "counted, no scales"))
    rules += [*exact, *expressions, take(base, ("linear", "conv1d"), starts(prefixes) if prefixes else "*")]
    return Quantized(tuple(rules), caveats)


def packed(layout: str, kind: str, bits: int, group: int) -> str:
    """The format a packing writes."""
    if kind.startswith(("mx_fp", "mx_int")):
        return "mxfp8" if bits == 8 else "mxfp4"
    if kind.startswith("nv_fp"):
        return "nvfp4_pack_quantized"
    if kind.startswith(("fp", "float")) and bits == 8:
        return "fp8_channel"
    name = next((name for word, name in PACKINGS.items() if word in layout), "gptq")
    if 2 <= bits <= 8 and bits not in WIDTHS.get(name, (bits,)):
        return f"codes-{bits}bpw"
    return f"{name}-{bits}bit-{group_word(group)}"
