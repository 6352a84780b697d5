"""GPTQ and AWQ: codes packed in words of 32 bits, a scale and a zero for each group of inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.readers.config.quantization.matching import from_start, inside
from paramcalc.readers.config.quantization.settings import Quantized, group_word, keep, take
from paramcalc.spec.quantize import KEEP

if TYPE_CHECKING:
    from paramcalc.readers.config.quantization.settings import Settings
    from paramcalc.spec.quantize import Kind, QuantRule

PLAIN = ("gptq", "gptq_v2", "auto_gptq", "")
"""Layouts of the words that take as many bytes."""


def gptq(settings: Settings) -> Quantized:
    """AutoGPTQ, GPTQModel and optimum. `dynamic` overrides by name, the first hit in its order; the head only with
    `lm_head: true`. Source: ModelCloud/GPTQModel@f4c327a17eb3:gptqmodel/quantization/config.py#L1614-L1860."""
    bits, group = settings.bits("bits", "w_bit"), _group(settings, "group_size")
    layout = settings.text("checkpoint_format", "format")
    tail = "-asym" if settings.get("sym") is False else ""
    settings.get("desc_act", "block_name_to_quantize", "is_marlin_format", "quant_type", "pack_dtype", "zero")
    among: tuple[Kind, ...] = ("linear", "conv1d", *(("head",) if settings.get("lm_head") is True else ()))
    caveats = [] if layout in PLAIN else [settings.caveat("checkpoint_format", f"the layout {layout!r} is counted as "
                                                          "GPTQ's own", "estimate")]
    if settings.get("bits", "w_bit") is None:
        caveats.append(settings.caveat("bits", "is missing: 4 are usual", "estimate"))
    inner = settings.names("modules_in_block_to_quantize", "inside_layer_modules")
    rules = [*_dynamic(settings, bits, group, tail, among)]
    rules.append(take(_gptq(bits, group) + tail, among, inside(inner) if inner else "*"))
    skipped = settings.names("modules_to_not_convert")
    return Quantized((*keep(inside(skipped or ())), *rules), tuple(caveats))


def _dynamic(settings: Settings, bits: int, group: int, tail: str, among: tuple[Kind, ...]) -> list[QuantRule]:
    """Overrides in their order; `-:` leaves a module as it is, what one does not say is the base's."""
    rules: list[QuantRule] = []
    overrides = settings.mapping("dynamic")
    for name in overrides.data if overrides else ():
        expression = from_start([name.removeprefix("-:").removeprefix("+:")])
        if name.startswith("-:"):
            rules += keep(expression)
            continue
        own = overrides.inner(overrides.get(name) or {}, name) if overrides else settings
        width = own.bits("bits", default=bits)
        size = own.number("group_size", default=group)
        rules.append(take(KEEP if width >= 16 else _gptq(width, size) + tail, among, expression))
    return rules


def _group(settings: Settings, *keys: str) -> int:
    """Values of a group; -1 for whole rows. Raises SpecError for none."""
    size = settings.number(*keys, default=128)
    if size == 0:
        raise settings.expected("a size of groups", keys[0], size, "-1 for whole rows")
    return size


def _gptq(bits: int, group: int) -> str:
    return f"gptq-{bits}bit-{group_word(group)}"


def awq(settings: Settings) -> Quantized:
    """AutoAWQ: linear layers of the blocks; a text inside a name keeps it. Source: casper-hansen/
    AutoAWQ@88e4c76b2075:awq/utils/module.py#L56."""
    bits = settings.bits("bits", "w_bit")
    group = _group(settings, "group_size", "q_group_size")
    version = settings.text("version", default="gemm")
    settings.read.add("version")
    settings.get("zero_point", "do_fuse", "fuse_max_seq_len", "modules_to_fuse", "exllama_config", "desc_act", "sym",
                 "format", "checkpoint_format", "lm_head", "pack_method")
    unquantized = settings.names("modules_to_not_convert")
    caveats = () if version in ("gemm", "marlin", "exllama", "ipex") else (
        settings.caveat("version", f"{version!r} pads its zeros and scales: counted as gemm", "estimate"),)
    rules = (*keep(inside(unquantized or ())), take(f"awq-{bits}bit-{group_word(group)}"))
    return Quantized(rules, caveats)
