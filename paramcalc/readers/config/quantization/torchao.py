"""torchao: one configuration for all linear layers, or one a name.

Source: pytorch/ao@36027d82d1ad:torchao/quantization/quant_api.py#L1515-L1760.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.readers.config.quantization.matching import covering, of_parameters
from paramcalc.readers.config.quantization.replaced import stacked
from paramcalc.readers.config.quantization.settings import Quantized, group_word, keep, take
from paramcalc.spec.quantize import KEEP

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramcalc.readers.config.quantization.settings import Settings
    from paramcalc.spec.caveats import Caveat
    from paramcalc.spec.quantize import Kind, QuantRule

COMPUTED = (
    "set_inductor_config", "mm_config", "kernel_preference", "alg_id", "act_mapping_type", "mapping_type",
    "weight_mapping_type", "activation_dtype", "activation_value_lb", "activation_value_ub", "activation_scale",
    "intx_choose_qparams_algorithm", "int4_choose_qparams_algorithm", "int4_tile_packed_ntile", "inner_k_tiles",
    "use_hqq", "preserve_zero", "zero_point_domain", "act_quant_kwargs", "scaling_mode", "use_triton_kernel",
    "use_dynamic_per_tensor_scale", "step", "version",
)
"""Fields that say how weights are chosen and multiplied."""
BYTES = ("int8weightonly", "int8dynamicactivationint8weight", "int8staticactivationint8weight", "gemliteuintx8")
UNPACKED = ("intxweightonly", "int8dynamicactivationintxweight", "int8dynamicactivationint4weight")
INT4 = ("int4weightonly", "float8dynamicactivationint4weight", "int4hqq")
UINTX = ("uintx",)
ROWWISE = ("float8weightonly",)
FP8 = ("float8dynamicactivationfloat8weight", "float8staticactivationfloat8weight")
FP6 = ("fpx", "fp6", "float6")


def torchao(settings: Settings) -> Quantized:
    """Linears only; the head unless it is skipped by default, the embedding where the config includes it."""
    skipped = settings.names("modules_to_not_convert")
    both = settings.flag("include_input_output_embeddings")
    settings.get("untie_embedding_weights", "quant_type_kwargs")
    among: tuple[Kind, ...] = ("linear", "towers", *(("head", "embedding") if both else ()),
                               *(("head",) if skipped is not None else ()))
    caveats: list[Caveat] = []
    unquantized = keep(of_parameters(skipped or [], settings.written_by))
    value = settings.get("quant_type")
    if type(value) is dict and "default" in value:
        value = value["default"]
    rules = _rules(settings, value, among, caveats)
    return Quantized((*unquantized, *rules), tuple(caveats))


def _rules(settings: Settings, value: Any, among: tuple[Kind, ...],  # noqa: ANN401 - a serialized configuration
           caveats: list[Caveat]) -> list[QuantRule]:
    kind, fields = _named(value, settings)
    table = fields.get("fqn_to_config", "module_fqn_to_config") if kind in ("fqnto", "modulefqnto") else None
    if table is not None:
        if type(table) is not dict:
            raise settings.expected("a mapping of names", "quant_type", table)
        fields.get("module_fqn_to_config")
        exact = [name for name in table if name != "_default" and not name.startswith("re:")]
        patterns = [name for name in table if name.startswith("re:")]
        rules = []
        for name in (*exact, *patterns):
            format_ = KEEP if table[name] is None else _format(*_named(table[name], settings), caveats)
            rules.append(take(format_ or KEEP, (), covering([name])))
        base = table.get("_default")
        return rules + ([] if base is None else _rules(settings, base, among, caveats))
    format_ = _format(kind, fields, caveats)
    return [*stacked(settings), take(format_, among)] if format_ else []


def _named(value: Any, settings: Settings) -> tuple[str, Settings]:  # noqa: ANN401
    """The configuration's class in one spelling, and its fields; `_version` is one of them."""
    if type(value) is dict:
        data = value.get("_data")
        fields = dict(data) if type(data) is dict else {}
        name = str(value.get("_type", ""))
        return _word(name.removesuffix("Config")), settings.inner(fields | _version(value, fields), "quant_type")
    text = str(value or "")[:100]
    kwargs = settings.data.get("quant_type_kwargs")
    fields = dict(kwargs) if type(kwargs) is dict else {}
    words = text.split()
    for number, word in enumerate(words[:-1]):
        if word == "group" and words[number + 1].isdecimal():
            fields.setdefault("group_size", int(words[number + 1]))
    name = "".join(word for word in words if word not in ("group",) and not word.isdecimal())
    return _word(name), settings.inner(fields, "quant_type_kwargs")


def _version(value: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    return {"version": value.get("_version", fields.get("version"))}


def _word(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def _format(kind: str, fields: Settings, caveats: list[Caveat]) -> str:
    """The format of a configuration; empty where it is not known, which is said."""
    fields.get(*COMPUTED)
    for prefixes, make in LAYOUTS:
        if kind.startswith(prefixes):
            return make(kind, fields, caveats)
    caveats.append(fields.caveat("_type", f"{kind[:60]!r} is not known", "unknown"))
    return ""


def _int8(_: str, fields: Settings, caveats: list[Caveat]) -> str:
    """A scale a row; groups are an older layout, whose scales alone are left out."""
    granularity, size = _granularity(fields, "granularity")
    if fields.get("group_size") is not None:
        caveats.append(fields.caveat("group_size", "the scales of a row are counted, not those of its groups"))
    if granularity == "pertensor":
        return "byte_tensor"
    if granularity and (size > 0 or granularity not in ("perrow", "peraxis")):
        caveats.append(fields.caveat("granularity", "a scale a row is counted"))
    return "torchao_int8_v2" if fields.data.get("version") == 2 else "torchao_int8"


def _unpacked(_: str, fields: Settings, caveats: list[Caveat]) -> str:
    """Any bits in a byte each; only the opaque layouts of a CPU pack them."""
    bits = _width(fields, "weight_dtype") or 4
    granularity, size = _granularity(fields, "weight_granularity", "granularity")
    group = fields.number("group_size", default=size or (-1 if granularity else 32))
    if fields.get("weight_scale_dtype", "scale_dtype") is not None:
        caveats.append(fields.caveat("weight_scale_dtype", "scales are counted in 16 bits"))
    packing = _enum(fields, "intx_packing_format", "packing_format") or _enum(fields, "layout")
    if "opaque" in packing or "packedlinear" in packing:
        caveats.append(fields.caveat("intx_packing_format", "scales of CPU kernels are not known: codes alone"))
        return f"codes-{bits}bpw"
    return f"torchao_intx-{group_word(group)}"


def _int4(kind: str, fields: Settings, caveats: list[Caveat]) -> str:
    """In pairs; the layout of tensor cores fills matrices up: the older default, an option since version 2."""
    size = fields.number("group_size", default=128)
    version = fields.data.get("version")
    packing = _enum(fields, "int4_packing_format", "packing_format") or _enum(fields, "layout")
    if kind.startswith("float8") or packing in ("preshuffled", "marlinsparselayout", "int4cpulayout"):
        caveats.append(fields.caveat("int4_packing_format", "scales in another order are counted as plain ones",
                                     "estimate"))
        return f"torchao_int4-g{size}"
    tiled = packing in ("tilepackedto4d", "tensorcoretiledlayout") or (version in (1, None) and not packing)
    return f"torchao_int4-g{size}{'-tiled' if tiled else ''}"


def _uintx(_: str, fields: Settings, __: list[Caveat]) -> str:
    return f"torchao_uintx-{_width(fields, 'dtype') or 4}bit-g{fields.number('group_size', default=64)}"


def _fp8(_: str, fields: Settings, caveats: list[Caveat]) -> str:
    """The weight's granularity is the second of two; a scale a tensor where none is said."""
    _width(fields, "weight_dtype", "activation_dtype")
    packing = _enum(fields, "packing_format")
    if packing not in ("", "plain"):
        caveats.append(fields.caveat("packing_format", f"{packing[:40]!r} is counted as plain"))
    granularity, _size = _granularity(fields, "granularity")
    return {"perrow": "fp8_channel", "peraxis": "fp8_channel", "perblock": "fp8_block"}.get(granularity, "fp8_tensor")


def _rowwise(_: str, fields: Settings, __: list[Caveat]) -> str:
    """Weights alone have a scale a row."""
    fields.get("weight_dtype", "granularity")
    return "fp8_channel"


def _mx(_: str, fields: Settings, caveats: list[Caveat]) -> str:
    if fields.number("block_size", default=32) != 32:
        caveats.append(fields.caveat("block_size", "a scale for each 32 weights is counted"))
    return "mxfp4" if "float4" in str(fields.get("weight_dtype", "elem_dtype")).lower() else "mxfp8"


def _floats(_: str, fields: Settings, caveats: list[Caveat]) -> str:
    """A sign, exponent and mantissa; only the layout of six bits is known."""
    bits = 1 + fields.number("ebits", default=3) + fields.number("mbits", default=2)
    if bits != 6:
        caveats.append(fields.caveat("ebits", "codes alone are counted"))
        return f"codes-{max(bits, 1)}bpw"
    return "torchao_fp6"


def _granularity(fields: Settings, *keys: str) -> tuple[str, int]:
    """What shares a scale, in one spelling, and the size of a group; of two, the weight's."""
    value = fields.get(*keys)
    if type(value) is list:
        value = value[-1] if value else None
    if type(value) is not dict:
        return _word(str(value or "")), 0
    data = value.get("_data")
    size = data.get("group_size") if type(data) is dict else None
    return _word(str(value.get("_type", ""))), size if type(size) is int and 0 < size <= 2**17 else 0


def _enum(fields: Settings, *keys: str) -> str:
    """A choice: a word, or an object that names it."""
    value = fields.get(*keys)
    if type(value) is dict:
        data = value.get("_data")
        value = data if type(data) is str else value.get("_type")
    return _word(str(value or "").rpartition(".")[2])


def _width(fields: Settings, *keys: str) -> int | None:
    """The width of a dtype such as `torch.uint3`."""
    value = fields.get(*keys)
    word = str(value.get("_data") if type(value) is dict else value)
    digits = word.rpartition("int")[2]
    return int(digits) if digits.isdecimal() and 1 <= int(digits) <= 8 else None


LAYOUTS: tuple[tuple[tuple[str, ...], Callable[[str, Settings, list[Caveat]], str]], ...] = (
    (BYTES, _int8), (UNPACKED, _unpacked), (INT4, _int4), (UINTX, _uintx), (ROWWISE, _rowwise), (FP8, _fp8),
    (FP6, _floats), (("mxdynamic", "mxfp", "mxinference"), _mx),
    (("nvfp4",), lambda _kind, _fields, _caveats: "nvfp4"),
)
"""How the names of configurations begin, and the format of one."""
