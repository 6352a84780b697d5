"""A config.json's `quantization_config` as rules of the specification: one short function a method.

Sources: transformers 5.23.0 utils/quantization_config.py; compressed-tensors quantization/quant_scheme.py; NVIDIA
ModelOpt hf_quant_config; a method not known here leaves the weights in their dtype, and the answer says so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from paramcalc.errors import PCError, Problem, SpecError
from paramcalc.spec.quantize import QuantRule

Settings = dict[str, Any]
Rules = tuple[QuantRule, ...]
PATH = ("quantization_config",)
MAX_RULES = 4000


class UnknownFormatError(SpecError):
    """A method that is known with a format that is not: nothing is wrong with the file."""


def quantization(*configs: Settings) -> tuple[Rules, tuple[str, ...]]:
    """Rules and notes from the first of the configs that says how its weights are quantized."""
    for config in configs:
        settings = config.get("quantization_config") or config.get("quantization")
        if settings is None:
            continue
        if type(settings) is not dict:
            raise SpecError(Problem("expected a mapping", PATH))
        method = settings.get("quant_method", "mlx" if "quantization" in config else None)
        make = METHODS.get(method) if type(method) is str else None
        if make is None:
            return (), (f"quantization_config: method {str(method)[:60]!r} is not known; weights are in their dtype",)
        try:
            return _validated(make, settings), ()
        except UnknownFormatError as error:
            said = "; ".join(f"{'.'.join(map(str, p.path))}: {p.message}" for p in error.problems)
            return (), (f"{said}; weights are in their dtype",)
    return (), ()


def _validated(make: Callable[[Settings], Rules], settings: Settings) -> Rules:
    from paramcalc.catalog.formats import find_format

    rules = make(settings)
    if len(rules) > MAX_RULES:
        raise SpecError(Problem(f"more than {MAX_RULES:,} modules are named", PATH))
    for rule in rules:
        try:
            if rule.format != "keep":
                find_format(rule.format)
        except PCError as error:
            raise SpecError(*(Problem(p.message, PATH, p.hint) for p in error.problems)) from error
    return rules


def _number(settings: Settings, *keys: str, default: int) -> int:
    value = next((settings[key] for key in keys if settings.get(key) is not None), default)
    if type(value) is not int or not -1 <= value <= 2**16:
        raise SpecError(Problem("expected a small integer", (*PATH, keys[0])))
    return value


def _names(settings: Settings, *keys: str) -> list[str]:
    value: Any = next((settings[key] for key in keys if settings.get(key)), [])
    if type(value) is not list or not all(type(item) is str and 0 < len(item) <= 500 for item in value):
        raise SpecError(Problem("expected a list of module names", (*PATH, keys[0])))
    return value


def _all_but(kept: list[str], format_: str) -> Rules:
    """Every linear layer, except the modules a config names."""
    return (*(QuantRule(match=name, format="keep", optional=True) for name in kept),
            QuantRule(match="*", format=format_))


def _grouped(name: str) -> Callable[[Settings], Rules]:
    def make(settings: Settings) -> Rules:
        bits = _number(settings, "bits", "w_bit", default=4)
        group = _number(settings, "group_size", "q_group_size", default=128)
        suffix = "" if group == -1 else f"-g{group}"
        return _all_but(_names(settings, "modules_to_not_convert"), f"{name}-{bits}bit{suffix}")

    return make


def _bitsandbytes(settings: Settings) -> Rules:
    kept = _names(settings, "llm_int8_skip_modules")
    if settings.get("load_in_8bit") or settings.get("_load_in_8bit"):
        return _all_but(kept, "bnb_int8")
    kind = "fp4" if settings.get("bnb_4bit_quant_type", "fp4") == "fp4" else "nf4"
    return _all_but(kept, f"bnb_{kind}" + ("_dq" if settings.get("bnb_4bit_use_double_quant") else ""))


def _fp8(settings: Settings) -> Rules:
    kept = _names(settings, "modules_to_not_convert", "ignored_layers")
    if settings.get("weight_block_size") == [128, 128]:
        return _all_but(kept, "fp8_block_ue8m0" if settings.get("scale_fmt") == "ue8m0" else "fp8_block")
    if settings.get("weight_block_size") is not None:
        raise UnknownFormatError(Problem("only blocks of [128, 128] are known", (*PATH, "weight_block_size")))
    return _all_but(kept, "fp8_channel" if settings["quant_method"] == "fbgemm_fp8" else "fp8_tensor")


def _mxfp4(settings: Settings) -> Rules:
    kept = _names(settings, "modules_to_not_convert")
    return (*(QuantRule(match=name, format="keep", optional=True) for name in kept),
            QuantRule(match="re:.*experts", format="mxfp4"))


def _modelopt(settings: Settings) -> Rules:
    algorithm = str(settings.get("quant_algo", settings.get("quant_type", ""))).upper()
    known = {"NVFP4": "nvfp4", "FP8": "fp8_tensor", "FP8_PB_WO": "fp8_block"}
    if algorithm not in known:
        raise UnknownFormatError(Problem(f"{algorithm[:40]!r} is not known", (*PATH, "quant_algo")))
    return _all_but(_names(settings, "ignore", "exclude_modules"), known[algorithm])


def _hqq(settings: Settings) -> Rules:
    weights = (settings.get("quant_config") or {}).get("weight_quant_params") or {}
    bits, group = _number(weights, "nbits", default=4), _number(weights, "group_size", default=64)
    return _all_but(_names(settings, "skip_modules"), f"hqq-{bits}bit-g{group}")


def _mlx(settings: Settings) -> Rules:
    bits, group = _number(settings, "bits", default=4), _number(settings, "group_size", default=64)
    return (QuantRule(match="*", format=f"mlx-{bits}bit-g{group}"),
            QuantRule(match="re:.*(embed_tokens|lm_head)", format=f"mlx-{bits}bit-g{group}", optional=True))


def _compressed(settings: Settings) -> Rules:
    kept = [QuantRule(match=name, format="keep", optional=True) for name in _names(settings, "ignore")]
    groups = settings.get("config_groups")
    if type(groups) is not dict or not groups:
        raise SpecError(Problem("expected a mapping of groups", (*PATH, "config_groups")))
    found = list(kept)
    for name, group in groups.items():
        if type(group) is not dict or type(group.get("weights")) is not dict:
            raise SpecError(Problem("expected a mapping with weights", (*PATH, "config_groups", name)))
        format_ = _compressed_format(group["weights"], str(group.get("format") or settings.get("format")), name)
        targets = _names(group, "targets") or ["Linear"]
        found += [QuantRule(match="*" if t == "Linear" else t, format=format_, optional=t != "Linear") for t in targets]
    return tuple(found)


def _compressed_format(weights: Settings, format_: str, group: str) -> str:
    bits, strategy = _number(weights, "num_bits", default=8), str(weights.get("strategy"))
    size = _number(weights, "group_size", default=128)
    if format_ == "pack-quantized":
        return f"pack_quantized-{bits}bit" + (f"-g{size}" if strategy == "group" else "")
    if format_ == "nvfp4-pack-quantized":
        return "nvfp4_pack_quantized"
    if format_ == "mxfp4-pack-quantized":
        return "mxfp4"
    if bits == 8 and (format_ == "float-quantized" or weights.get("type") == "float"):
        return {"tensor": "fp8_tensor", "block": "fp8_block"}.get(strategy, "fp8_channel")
    if bits == 8:
        return "int8_channel"
    raise UnknownFormatError(Problem(f"format {format_[:40]!r} with {bits} bits is not known",
                                     (*PATH, "config_groups", group)))


METHODS: dict[str, Callable[[Settings], Rules]] = {
    "gptq": _grouped("gptq"), "awq": _grouped("awq"), "bitsandbytes": _bitsandbytes, "fp8": _fp8, "fbgemm_fp8": _fp8,
    "mxfp4": _mxfp4, "modelopt": _modelopt, "hqq": _hqq, "mlx": _mlx, "compressed-tensors": _compressed,
}
"""quant_method to what it does."""
