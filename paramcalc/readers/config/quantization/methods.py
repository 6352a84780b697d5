"""Which function reads which method, and what is said of what none of them understands."""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING, Any

from paramcalc.catalog.formats import find_format
from paramcalc.errors import PCError, Problem, SpecError
from paramcalc.readers.config.published import release
from paramcalc.readers.config.quantization.settings import Quantized, Settings, take
from paramcalc.readers.text.values import expected
from paramcalc.spec.quantize import KEEP

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


    Read = Callable[[Settings], Quantized]

METHODS = {
    "gptq": "grouped:gptq", "awq": "grouped:awq", "auto-round": "auto_round:auto_round",
    "bitsandbytes": "bitsandbytes:bitsandbytes", "fp8": "fp8:fp8", "fbgemm_fp8": "fp8:fbgemm", "mxfp4": "fp8:mxfp4",
    "modelopt": "modelopt:modelopt", "compressed-tensors": "compressed_tensors:compressed_tensors", "mlx": "mlx:mlx",
    "hqq": "integers:hqq", "quanto": "integers:quanto", "eetq": "integers:eetq", "bitnet": "integers:bitnet",
    "metal": "integers:metal", "gemma": "integers:gemma", "mxfp8": "fp8:mxfp8",
    "torchao": "torchao:torchao", "quark": "quark:quark", "aqlm": "codebooks:aqlm",
    "vptq": "codebooks:vptq", "higgs": "codebooks:higgs", "spqr": "codebooks:spqr",
    "squeezellm": "codebooks:squeezellm", "fp_quant": "fp_quant:fp_quant", "exl2": "exllama:exl2",
    "exl3": "exllama:exl3",
}
"""A method to its module and function."""
ALIASES = {
    "auto-gptq": "gptq", "gptqmodel": "gptq", "gptq_marlin": "gptq", "gptq_bitblas": "gptq", "awq_marlin": "awq",
    "auto-awq": "awq", "intel/auto-round": "auto-round", "auto_round": "auto-round", "autoround": "auto-round",
    "inc": "auto-round", "bnb": "bitsandbytes", "deepseek_v4_fp8": "fp8", "modelopt_fp4": "modelopt",
    "modelopt_mixed": "modelopt", "modelopt_mxfp8": "modelopt", "nvfp4": "modelopt", "petit_nvfp4": "modelopt",
    "compressed_tensors": "compressed-tensors", "sparseml": "compressed-tensors", "ao": "torchao",
    "optimum-quanto": "quanto", "gpt_oss_mxfp4": "mxfp4",
}
"""Other words for them: vLLM's kernels, older names, the libraries'."""
SIGNS = {
    "modelopt": {"quant_algo"}, "quark": {"global_quant_config"},
    "compressed-tensors": {"config_groups", "sparsity_config"},
    "bitsandbytes": {"load_in_4bit", "load_in_8bit", "_load_in_4bit", "_load_in_8bit"},
    "awq": {"zero_point", "w_bit"}, "gptq": {"desc_act", "damp_percent"}, "mlx": {"group_size", "mode"},
}
"""Keys that tell a method where its name is missing, in the order they are looked for."""
NEUTRAL = frozenset((
    "quant_method", "version", "producer", "provider", "library_name", "meta", "dataset", "tokenizer", "backend",
    "damp_percent", "damp_auto_increment", "static_groups", "true_sequential", "model_name_or_path", "use_cuda_fp16",
    "model_file_base_name", "batch_size", "nsamples", "seqlen", "iters", "lr", "minmax_lr", "low_gpu_mem_usage",
    "enable_quanted_input", "gradient_accumulate_steps", "autoround_version", "amp", "scale_dtype_source",
    "model_seqlen", "pad_token_id", "max_input_length", "cache_block_outputs", "use_exllama", "exllama_config",
    "disable_exllama", "module_name_preceding_first_block", "act_group_aware", "quantization_status",
    "global_compression_ratio", "run_compressed", "dequantize",
    "observer", "observer_kwargs", "use_optimized_inference", "quantizer",
))
"""Keys that say how a checkpoint was made or is to be run, whatever the method: they move no bytes."""
BITS = re.compile(r"^(w_?bits?|n?bits|num_bits|wbits)$")
MOST_RULES = 4096
EXPERTS = re.compile(r"^(n|num)_.*experts$")


def read(configs: Sequence[dict[str, Any]], settings: tuple[dict[str, Any], str] | None,
         beside: dict[str, Any] | None) -> Quantized:
    """What the settings of a config, or of a file beside it, say. Raises SpecError, located."""
    if settings is None or (beside is not None and _method(settings[0][settings[1]]) is None):
        return _read(Settings({"quant_method": "modelopt"} | _object(beside, ()), ("hf_quant_config",)), configs)
    config, key = settings
    value = config[key]
    if beside is not None and _method(value) == "modelopt":  # which says its group there only
        value = _object(beside.get("quantization") or {}, ("hf_quant_config",)) | _object(value, (key,))
    experts = any(EXPERTS.search(name) for one in configs for name in one)
    written_by = next((release(one) for one in configs if one.get("transformers_version")), None)
    return _read(Settings(_object(value, (key,)), (key,), experts=experts,
                          written_by=written_by or ()), configs)


def _object(value: object, path: tuple[str, ...]) -> dict[str, Any]:
    if type(value) is not dict or not all(type(key) is str for key in value):
        raise SpecError(Problem(expected("a mapping", value), path))
    return value


def _method(settings: object) -> str | None:
    """The method settings name, or what their keys show it to be; None where that cannot be told."""
    if type(settings) is not dict:
        return None
    method = settings.get("quant_method")
    if type(method) is str:
        word = method.lower()
        return ALIASES.get(word, word)
    nested = settings.get("quantization")
    keys = settings.keys() | (nested.keys() if type(nested) is dict else set())
    return next((name for name, signs in SIGNS.items() if signs & keys), None)


def _read(settings: Settings, configs: Sequence[dict[str, Any]]) -> Quantized:
    method = _method(settings.data)
    place = METHODS.get(method or "")
    if place is None:
        return _unknown(settings, method)
    settings.read.add("quant_method")
    width = next((config["expert_dtype"] for config in configs if config.get("expert_dtype")), None)
    if width is not None and "expert_dtype" not in settings.data:
        settings.data = settings.data | {"expert_dtype": width}
    module, _, function = place.partition(":")
    make: Read = getattr(import_module(f"paramcalc.readers.config.quantization.{module}"), function)
    quantized = make(settings)
    return _validated(quantized._replace(caveats=quantized.caveats + settings.unused(NEUTRAL),
                                         skipped=tuple(settings.all_skipped())), settings)


def _unknown(settings: Settings, method: str | None) -> Quantized:
    """A method nobody here knows: codes of the bits it says, as a lower bound, or nothing that holds."""
    name = f"the method {str(method)[:60]!r} is not known" if method else "no method is named"
    bits = next((value for key, value in settings.data.items() if BITS.match(key) and type(value) in (int, float)
                 and 0 < value <= 16), None)
    if bits is None:
        return Quantized((), (settings.caveat("quant_method", f"{name}: the weights are counted in their dtype, which "
                                              "they are not held in", "unknown"),))
    rule = take(f"codes-{bits}bpw", ("linear",))
    return Quantized((rule,), (settings.caveat("quant_method", f"{name}: {bits} bits a weight of linear layers are "
                                               "counted, no scales"),))


def _validated(quantized: Quantized, settings: Settings) -> Quantized:
    """The rules, each of which must name formats and patterns that are some. Raises SpecError."""
    from paramcalc.transforms.quantize import pattern

    if len(quantized.rules) > MOST_RULES:
        raise SpecError(Problem(f"must need at most {MOST_RULES:,} rules, found {len(quantized.rules):,}",
                                settings.path))
    for rule in quantized.rules:
        try:
            pattern(rule.match)
            if rule.format != KEEP:
                find_format(rule.format)
        except re.error as error:
            where = str(rule.match)[:80]
            raise SpecError(Problem(f"{where}: cannot be a pattern: {error}", settings.path)) from error
        except PCError as error:
            raise SpecError(*(Problem(p.message, settings.path, p.hint) for p in error.problems)) from error
    return quantized
