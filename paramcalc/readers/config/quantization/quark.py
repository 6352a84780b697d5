"""AMD Quark. Source: vllm-project/vllm@006bce4ebff5:vllm/model_executor/layers/quantization/quark/quark.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.readers.config.quantization.matching import names_or_regexes
from paramcalc.readers.config.quantization.settings import Quantized, group_word, keep, take
from paramcalc.spec.quantize import KEEP

if TYPE_CHECKING:
    from paramcalc.readers.config.quantization.settings import Settings
    from paramcalc.spec.caveats import Caveat
    from paramcalc.spec.quantize import Kind, QuantRule

CLASSES: dict[str, tuple[Kind, ...]] = {"nn.Linear": ("linear", "towers", "head"), "Linear": ("linear", "head"),
                                        "<class 'torch.nn.modules.linear.Linear'>": ("linear", "towers", "head")}

WIDTHS = {"fp8_e4m3": "fp8", "fp8_e5m2": "fp8", "float8": "fp8", "fp4": "fp4", "mxfp4": "fp4", "mx": "fp4",
          "mxfp6": "fp6", "fp6_e2m3": "fp6", "fp6_e3m2": "fp6", "int4": "int4", "uint4": "int4", "int8": "int8",
          "uint8": "int8", "bfloat16": "float16", "float16": "float16", "": ""}
"""A type as Quark writes it, and what it is stored as."""


def quark(settings: Settings) -> Quantized:
    """`exclude`, then `layer_quant_config` (a wildcard on the whole name; without `*` the layer's name inside the
    pattern), then settings a class, then those of all."""
    settings.get("algo_config", "softmax_quant_spec", "quant_mode", "export", "kv_cache_group", "pack_method",
                 "kv_cache_post_rope", "kv_cache_quant_config", "activation_scheme")
    caveats: list[Caveat] = []
    export = settings.data.get("export")
    if type(export) is dict and export.get("weight_format") == "fake_quantized":
        why = "fake_quantized: files hold the weights in their dtype; scales beside them are not counted"
        settings.get(*settings.data)
        return Quantized((), (settings.caveat("export", why),))
    rules: list[QuantRule] = [*keep([text for name in settings.names("exclude") or () for text in
                                     ([name] if _wildcard(name) else names_or_regexes([name]))])]
    layers = settings.mapping("layer_quant_config")
    for name in layers.data if layers else ():
        own = layers.mapping(name) if layers else None
        format_ = _format(own, caveats) if own else KEEP
        rules.append(take(format_ or KEEP, (), [name] if _wildcard(name) else names_or_regexes([name])))
    types = settings.mapping("layer_type_quant_config")
    for name in types.data if types else ():
        own = types.mapping(name) if types else None
        if own is not None and name in CLASSES:
            rules.append(take(_format(own, caveats) or KEEP, CLASSES[name]))
    base = settings.mapping("global_quant_config")
    format_ = _format(base, caveats) if base else ""
    if format_:
        rules.append(take(format_, ("linear", "towers", "head")))
    elif not layers and not types:
        caveats.append(settings.caveat("global_quant_config", "is missing", "unknown"))
    return Quantized(tuple(rules), tuple(caveats))


def _wildcard(name: str) -> bool:
    """Quark's own globs; vLLM reads an expression behind `re:` as well."""
    return "*" in name and not name.startswith("re:")


def _format(config: Settings, caveats: list[Caveat]) -> str:
    """The format of the weights of one group of settings; empty where they are not quantized or not known."""
    config.get("input_tensors", "output_tensors", "bias", "target_device")
    value: Any = config.get("weight")
    if type(value) is list and len(value) == 1:
        value = value[0]
    if value is None:
        return ""
    if type(value) is list:
        caveats.append(config.caveat("weight", "several steps of quantization are not known"))
        return "codes-4bpw"
    weight = config.inner(value, "weight")
    weight.get("is_dynamic", "ch_axis", "observer_cls", "round_method", "scale_calculation_mode", "scale_type",
               "is_scale_quant", "qat_spec")
    dtype, tensor = weight.text("dtype"), weight.text("qscheme") == "per_tensor"
    packed = f"pack_quantized-4bit-{group_word(weight.number('group_size', default=-1))}"
    zeros = "-zp" if weight.get("symmetric") is False else ""
    layouts = {"fp8": "fp8_tensor" if tensor else "fp8_channel", "int8": "byte_tensor" if tensor else "byte_channel",
               "fp4": "mxfp4", "fp6": "mxfp6", "int4": packed + zeros, "float16": "", "": ""}
    width = WIDTHS.get(dtype)
    if width in ("fp4", "fp6") and weight.data.get("group_size") not in (32, None):
        caveats.append(weight.caveat("group_size", "groups of 32 are counted", "estimate"))
    if width in ("fp4", "fp6") and weight.data.get("scale_format", "e8m0") in ("e8m0", None):
        weight.get("scale_format", "mx_element_dtype")
    if width is None:
        caveats.append(config.caveat("weight", f"the type {dtype[:40]!r} is not known"))
        return "codes-4bpw"
    return layouts[width]
