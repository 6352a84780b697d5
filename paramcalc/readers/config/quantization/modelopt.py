"""NVIDIA ModelOpt: `hf_quant_config.json` and the same settings inside config.json.

Sources: NVIDIA/Model-Optimizer@a2fbac7bad8a:modelopt/torch/export/quant_utils.py;
vllm-project/vllm@00155cdecca7:vllm/model_executor/layers/quantization/modelopt.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.catalog.formats import find_format
from paramcalc.readers.config.quantization.matching import substring_or_wildcard, under
from paramcalc.readers.config.quantization.settings import Quantized, keep, take
from paramcalc.spec.quantize import KEEP

if TYPE_CHECKING:
    from paramcalc.readers.config.quantization.settings import Settings
    from paramcalc.spec.caveats import Caveat
    from paramcalc.spec.quantize import QuantRule

ALGORITHMS = {
    "FP8": "fp8_tensor", "FP8_PER_CHANNEL_PER_TOKEN": "fp8_channel", "FP8_PB_WO": "fp8_block",
    "FP8_PB_REAL": "fp8_block", "FP8_BLOCK_SCALES": "fp8_block", "NVFP4": "nvfp4", "NVFP4_AWQ": "nvfp4_awq",
    "NVFP4_FP8_MHA": "nvfp4", "W4A16_NVFP4": "nvfp4", "W4A8_NVFP4_FP8": "nvfp4", "W4A16_AWQ": "modelopt_int4_awq",
    "W4A8_AWQ": "modelopt_int4_awq", "W4A16": "modelopt_int4_awq", "INT4_AWQ": "modelopt_int4_awq",
    "W8A16": "int8_channel", "W8A8_SQ_PER_CHANNEL": "int8_channel", "INT8_SQ": "int8_channel", "MXFP8": "mxfp8",
    "MXFP4": "mxfp4", "W4A8_MXFP4_FP8": "mxfp4", "W4A8_MXFP4_MXFP8": "mxfp4", "W4A16_MXFP4": "mxfp4",
}
"""`quant_algo` to a format."""
PLAIN = ("NONE", "NO_QUANT", "UNQUANTIZED")
"""What says that nothing is quantized."""
GROUPED = ("modelopt_int4_awq",)
WIDTHS = {8: "FP8", 4: "NVFP4"}
"""Of floats whose algorithm is not named."""
FOLDED = tuple(f"*.{name}_proj" for name in ("q", "k", "v", "gate", "up"))
"""Matrices behind a norm, which takes AWQ's scale of their inputs."""
TOWERS = ("*vision_tower*", "*vision_model*", "*visual*")
"""Stay in 16 bits, listed or not (vLLM)."""


def modelopt(settings: Settings) -> Quantized:
    """One algorithm for all linear layers but those excluded, or one for each layer named (`MIXED_PRECISION`)."""
    inner = settings.mapping("quantization") or settings
    settings.get("producer")
    caveats: list[Caveat] = []
    excluded = inner.names("exclude_modules", "ignore") or []
    inner.get("config_groups", "has_zero_point", "pre_quant_scale", "quant_type", "smoothquant_val", "clamp_val",
              "use_meta_recipe", "mamba_ssm_cache_dtype")
    notes = cache_notes(inner)
    algorithm = inner.text("quant_algo", "quant_method_detail").upper() or _by_groups(inner)
    unquantized = keep(substring_or_wildcard(excluded) + list(TOWERS))
    if algorithm in ("MIXED_PRECISION", "MIXED"):
        rules, caveats = layers(inner) if "quantized_layers" in inner.data else _groups(inner)
        if not rules:
            caveats.append(inner.caveat("quant_algo", "MIXED_PRECISION without quantized_layers", "unknown"))
        return Quantized((*rules, *unquantized), tuple(caveats), notes)
    format_ = _format(inner, algorithm)
    if format_ is None:
        if algorithm in (*PLAIN, ""):
            chosen = algorithm or "quant_algo" in inner.data or notes
            why = () if chosen else (inner.caveat("quant_algo", "is missing: the weights are counted in their dtype",
                                                "unknown"),)
            return Quantized((), why, notes)
        caveats.append(inner.caveat("quant_algo", f"{algorithm[:60]!r} is not known: 4 bits a weight are counted"
                                    if "4" in algorithm else f"{algorithm[:60]!r} is not known", "bound"))
        format_ = "codes-4bpw"
    group = inner.number("group_size", "block_size", default=0)
    if group > 0 and format_.split("-")[0] not in GROUPED and find_format(format_).group not in (0, group):
        caveats.append(inner.caveat("group_size", f"groups of {find_format(format_).group} are counted", "estimate"))
    folded = (take(f"{format_}-folded", (), FOLDED),) if format_.split("-")[0] in GROUPED else ()
    return Quantized((*unquantized, *folded, take(format_)), tuple(caveats), notes)



def _format(settings: Settings, algorithm: str) -> str | None:
    name = ALGORITHMS.get(algorithm)
    group = settings.number("group_size", "block_size", default=0)
    return f"{name}-g{group}" if name in GROUPED and group > 0 else name


def layers(settings: Settings) -> tuple[list[QuantRule], list[Caveat]]:
    """`quantized_layers`: the algorithm of each layer by its whole name and what stands under it (experts); layers
    that are not named stay as they are. Names that begin with `layers.` are those of a model the tree calls `model`."""
    by_format: dict[str, list[str]] = {}
    caveats: list[Caveat] = []
    algorithms = settings.mapping("quantized_layers")
    for name in algorithms.data if algorithms else ():
        own: Settings = algorithms.inner(algorithms.get(name) or {}, name) if algorithms else settings
        algorithm = own.text("quant_algo").upper()
        format_ = _format(own, algorithm)
        if format_ is None and algorithm and algorithm not in PLAIN:
            caveats.append(settings.caveat("quantized_layers", f"{algorithm[:40]!r} of {name[:80]} is not known"))
        by_format.setdefault(format_ or KEEP, []).append(f"model.{name}" if name.startswith("layers.") else name)
    return [take(format_, (), under(names)) for format_, names in by_format.items()], caveats[:20]


def _groups(settings: Settings) -> tuple[list[QuantRule], list[Caveat]]:
    """`config_groups` of several algorithms: the layers each one lists as targets, by their whole names and what
    stands under them (modelopt/torch/export/convert_hf_config.py)."""
    rules: list[QuantRule] = []
    caveats: list[Caveat] = []
    groups = settings.mapping("config_groups")
    for name in groups.data if groups else ():
        own: Settings = groups.inner(groups.get(name) or {}, name) if groups else settings
        own.get("input_activations", "output_activations")
        targets, weights = own.names("targets") or [], own.mapping("weights")
        format_ = _format(weights, _algorithm(weights)) if weights else None
        if format_ is None or not targets:
            caveats.append(settings.caveat("config_groups", f"{name[:40]} says no {'targets' if format_ else 'format'}",
                                           "unknown"))
            continue
        rules.append(take(format_, (), under(targets)))
    return rules, caveats


def _algorithm(weights: Settings) -> str:
    weights.get("dynamic")
    width = WIDTHS.get(weights.number("num_bits", default=0), "")
    return weights.text("quant_algo").upper() or (width if weights.text("type", default="float") == "float" else "")


def _by_groups(settings: Settings) -> str:
    """The algorithm of settings that say their widths only."""
    groups = settings.data.get("config_groups")
    first: Any = next(iter(groups.values()), None) if type(groups) is dict else None
    weights = first.get("weights") if type(first) is dict else None
    if type(weights) is not dict or weights.get("type") != "float":
        return ""
    return WIDTHS.get(weights.get("num_bits", 0), "")


def cache_notes(settings: Settings) -> tuple[str, ...]:
    """What a checkpoint says of the cache: engines follow it, nothing here does without --kv-dtype."""
    scheme = settings.get("kv_cache_quant_algo", "kv_cache_scheme")
    if scheme is None:
        return ()
    word = str(scheme)[:20] if type(scheme) is str else f"{scheme.get('num_bits')}-bit {scheme.get('type')}"
    return (f"the checkpoint is made for a cache in {word}: say so with --kv-dtype",)
