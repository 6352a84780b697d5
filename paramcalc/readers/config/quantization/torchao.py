"""torchao: one configuration for all linear layers, or one a name.

Source: pytorch/ao@36027d82d1ad:torchao/quantization/quant_api.py#L1515-L1760.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.readers.config.quantization.matching import covering, start_or_end
from paramcalc.readers.config.quantization.settings import Quantized, keep, take
from paramcalc.spec.quantize import KEEP

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramcalc.readers.config.quantization.settings import Settings
    from paramcalc.spec.caveats import Caveat
    from paramcalc.spec.quantize import QuantRule
    from paramcalc.transforms.quantize import Kind

INT8 = ("int8weightonly", "int8dynamicactivationint8weight", "gemliteuintx8")
INT4 = ("int4weightonly", "int8dynamicactivationint4weight", "float8dynamicactivationint4weight", "int4hqq",
        "uintx", "uintxweightonly", "intxweightonly")
FP8 = ("float8weightonly", "float8dynamicactivationfloat8weight", "float8staticactivationfloat8weight")
FP6 = ("fpx", "fpxweightonly", "fp6", "float6")


def torchao(settings: Settings) -> Quantized:
    """Linears only; the head unless it is skipped by default, the embedding where the config includes it."""
    skipped = settings.names("modules_to_not_convert")
    both = settings.flag("include_input_output_embeddings")
    settings.get("untie_embedding_weights", "quant_type_kwargs")
    among: tuple[Kind, ...] = ("linear", "towers", *(("head", "embedding") if both else ()),
                               *(("head",) if skipped is not None else ()))
    caveats: list[Caveat] = []
    unquantized = keep(start_or_end(skipped or ()))
    value = settings.get("quant_type")
    if type(value) is dict and "default" in value:
        value = value["default"]
    rules = _rules(settings, value, among, caveats)
    return Quantized((*unquantized, *rules), tuple(caveats))


def _rules(settings: Settings, value: Any, among: tuple[Kind, ...],  # noqa: ANN401 - a serialized configuration
           caveats: list[Caveat]) -> list[QuantRule]:
    kind, data = _named(value, settings)
    if kind in ("fqntoconfig", "moduleFqntoconfig".lower()):
        table = data.get("fqn_to_config") or data.get("module_fqn_to_config") or {}
        if type(table) is not dict:
            raise settings.error("expected a mapping of names", "quant_type")
        exact = [name for name in table if name != "_default" and not name.startswith("re:")]
        patterns = [name for name in table if name.startswith("re:")]
        rules = []
        for name in (*exact, *patterns):
            format_ = KEEP if table[name] is None else _format(*_named(table[name], settings), settings, caveats)
            rules.append(take(format_ or KEEP, (), covering([name])))
        base = table.get("_default")
        return rules + ([] if base is None else _rules(settings, base, among, caveats))
    format_ = _format(kind, data, settings, caveats)
    return [take(format_, among)] if format_ else []


def _named(value: Any, settings: Settings) -> tuple[str, dict[str, Any]]:  # noqa: ANN401
    """The configuration's class in one spelling, and its fields."""
    if type(value) is dict:
        data = value.get("_data")
        name = str(value.get("_type", ""))
        fields = data if type(data) is dict else {}
        return _word(name.removesuffix("Config")), fields | {"": value.get("_version", fields.get("version"))}
    text = str(value or "")[:100]
    kwargs = settings.data.get("quant_type_kwargs")
    fields = dict(kwargs) if type(kwargs) is dict else {}
    words = text.split()
    for number, word in enumerate(words[:-1]):
        if word == "group" and words[number + 1].isdecimal():
            fields.setdefault("group_size", int(words[number + 1]))
    return _word("".join(word for word in words if word not in ("group",) and not word.isdecimal())), fields


def _word(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def _format(kind: str, data: dict[str, Any], settings: Settings, caveats: list[Caveat]) -> str:
    """The format of a configuration; empty where it is not known, which is said."""
    for prefixes, make in LAYOUTS:
        if kind.startswith(prefixes):
            return make(kind, data)
    caveats.append(settings.caveat("quant_type", f"{kind[:60]!r} is not known", "unknown"))
    return ""


def _int4(kind: str, data: dict[str, Any]) -> str:
    group, bits = data.get("group_size"), _bits(data)
    size = group if type(group) is int and 0 < group <= 2**16 else None
    if bits not in (4, None):
        return f"torchao_uintx-{bits}bit-g{size or 64}"
    return f"torchao_int4-g{size or (32 if kind.startswith('int8dynamic') else 128)}"


def _fp8(_: str, data: dict[str, Any]) -> str:
    return "fp8_channel" if "perrow" in str(data.get("granularity", "")).lower() else "fp8_tensor"


def _mx(_: str, data: dict[str, Any]) -> str:
    return "mxfp4" if "float4" in str(data).lower() else "mxfp8"


def _bits(data: dict[str, Any]) -> int | None:
    """The width of a `dtype` or `weight_dtype` such as `torch.uint3`."""
    for key in ("weight_dtype", "dtype"):
        value = data.get(key)
        word = str(value.get("_data") if type(value) is dict else value)
        digits = word.rpartition("int")[2]
        if digits.isdecimal() and 1 <= int(digits) <= 8:
            return int(digits)
    return None


LAYOUTS: tuple[tuple[tuple[str, ...], Callable[[str, dict[str, Any]], str]], ...] = (
    (INT8, lambda _kind, data: "torchao_int8_v2" if data.get("") == 2 else "torchao_int8"), (INT4, _int4),
    (FP8, _fp8), (FP6, lambda _kind, _data: "torchao_fp6"),
    (("mxdynamic", "mxfp", "mxinference"), _mx), (("nvfp4",), lambda _kind, _data: "nvfp4"),
)
"""How the names of configurations begin, and the format of one."""
