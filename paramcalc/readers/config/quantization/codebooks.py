"""Methods that hold indices into tables: AQLM, VPTQ, HIGGS, SqueezeLLM; and SpQR, whose config lists every size.

Sources: the libraries' modules: aqlm 1.1 inference.py, vptq 0.0.5 layers/vqlinear.py, spqr_quant 0.2 inference.py;
transformers integrations/higgs.py; SqueezeAILab/SqueezeLLM squeezellm/quant.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.readers.config.quantization.matching import ends, exact_names
from paramcalc.readers.config.quantization.replaced import replaced, skips
from paramcalc.readers.config.quantization.settings import Quantized, keep, take

if TYPE_CHECKING:
    from paramcalc.readers.config.quantization.settings import Settings
    from paramcalc.spec.caveats import Caveat
    from paramcalc.spec.quantize import QuantRule

SPQR = {"dense_weights": 8, "row_offsets": 4, "col_vals": 4, "in_perm": 4}
"""Bytes of an entry of each of its tensors."""


def aqlm(settings: Settings) -> Quantized:
    """Sums of entries of a few codebooks; all Linears but those listed by the names of their weights."""
    inputs, outputs = settings.number("in_group_size", default=8), settings.number("out_group_size", default=1)
    books, bits = settings.number("num_codebooks", default=1), settings.number("nbits_per_codebook", default=16)
    listed = settings.names("linear_weights_not_to_quantize")
    unquantized = None if listed is None else [name.removesuffix(".weight") for name in listed]
    caveats = () if outputs == 1 else (settings.caveat("out_group_size", f"groups of {outputs} outputs are counted as "
                                                       "of one", "estimate"),)
    rest = replaced(settings, f"aqlm-{books}x{bits}-g{inputs}", unquantized, before=exact_names)
    return rest._replace(caveats=rest.caveats + caveats)


def vptq(settings: Settings) -> Quantized:
    """Vectors along the outputs, an index into one table and a second for what it leaves over."""
    caveats: list[Caveat] = []
    settings.get("enable_proxy_error")
    unquantized = keep(skips(settings, settings.names("modules_to_not_convert") or [], exact_names))
    by_format: dict[str, list[str]] = {}
    layers = settings.mapping("config_for_layers")
    for name in layers.data if layers else ():
        own = layers.mapping(name) if layers else None
        if own is not None:
            by_format.setdefault(_vptq(own, caveats), []).append(name)
    rules = [take(format_, (), exact_names(names)) for format_, names in by_format.items()]
    shared = settings.mapping("shared_layer_config")
    for name in shared.data if shared else ():
        own = shared.mapping(name) if shared else None
        if own is not None:
            rules.append(take(_vptq(own, caveats), ("linear",), [name]))
    if not rules:
        caveats.append(settings.caveat("config_for_layers", "names no layer: nothing says what is quantized"))
    return Quantized((*unquantized, *rules), tuple(dict.fromkeys(caveats)))


def _vptq(layer: Settings, caveats: list[Caveat]) -> str:
    layer.get("bias", "enable_norm", "enable_perm", "indices_as_float", "in_features", "out_features",
              "is_indice_packed", "group_size")
    lengths, entries, second = (_second(layer, key) for key in ("vector_lens", "num_centroids", "num_res_centroids"))
    groups, outliers = layer.number("group_num", default=1), layer.number("outlier_size", default=0)
    if groups != 1 or outliers > 0:
        key = "group_num" if groups != 1 else "outlier_size"
        caveats.append(layer.caveat(key, "several tables a matrix and outliers are left out"))
    return f"vptq-v{max(lengths, 1)}-k{max(entries, 1)}" + (f"+{second}" if second > 0 else "")


def _second(layer: Settings, key: str) -> int:
    """The second of two numbers: the first is of outliers."""
    value: Any = layer.get(key)
    if type(value) is not list or len(value) != 2 or type(value[1]) is not int or value[1] > 2**20:
        raise layer.expected("two numbers, of outliers and of the rest", key, value)
    return int(value[1])


def higgs(settings: Settings) -> Quantized:
    """Codes of `bits` in words of 16, a scale each group, two tables a matrix."""
    settings.get("p", "hadamard_size", "tune_metadata")
    bits, group = settings.bits("bits"), settings.number("group_size", default=256)
    return replaced(settings, f"higgs-{bits}bit-g{group}", settings.names("modules_to_not_convert"), before=ends)


def spqr(settings: Settings) -> Quantized:
    """Every tensor's size is in the config, by the module's name."""
    settings.get("bits", "beta1", "beta2")
    unquantized = keep(skips(settings, settings.names("modules_to_not_convert") or [], exact_names))
    sizes: dict[str, int] = {}
    shapes = settings.mapping("shapes")
    for key in shapes.data if shapes else ():
        module, _, part = key.removesuffix(".shape").rpartition(".")
        if shapes and part in SPQR and type(shapes.get(key)) is int and 0 <= shapes.get(key) < 2**40:
            sizes[module] = sizes.get(module, 0) + SPQR[part] * int(shapes.get(key))
    if not sizes:
        return Quantized((), (settings.caveat("shapes", "is missing: nothing says how large the sparse part is",
                                              "unknown"),))
    rules: list[QuantRule] = [take(f"listed-{size}B", (), exact_names([name])) for name, size in sizes.items()]
    return Quantized((*unquantized, *rules))


def squeezellm(settings: Settings) -> Quantized:
    """Indices in words of 32 bits and a table a row; the sparse part is not in the config."""
    bits = settings.bits("wbits", "bits")
    return Quantized((take(f"squeezellm-{bits}bit"),), (settings.caveat("wbits", "sparse outliers, where a file has "
                                                                        "them, are left out"),))
