"""MLX: every module that can be quantized, tables and head too, unless a key of its whole name says otherwise.

Source: ml-explore/mlx-lm@d78bf58e217c:mlx_lm/utils.py#L375-L420, #L818-L890.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.readers.config.quantization.matching import exact_names
from paramcalc.readers.config.quantization.settings import Quantized, keep, take

if TYPE_CHECKING:
    from paramcalc.readers.config.quantization.settings import Settings
    from paramcalc.spec.quantize import Kind, QuantRule

MODES = {"mxfp4": "mlx_mxfp4", "nvfp4": "mlx_nvfp4", "mxfp8": "mlx_mxfp8"}
DEFAULTS = {"affine": (4, 64), "mxfp4": (4, 32), "nvfp4": (4, 16), "mxfp8": (8, 32)}
"""Bits and group size of each mode."""
ALL: tuple[Kind, ...] = ("linear", "conv1d", "head", "embedding")


def mlx(settings: Settings) -> Quantized:
    """The base settings for every matrix whose rows divide into groups, others by whole name, `false` for 16 bits."""
    base = _format(settings)
    overrides: list[QuantRule] = []
    routers = False
    settings.get("quant_method", "linear_class")
    for name, value in settings.data.items():
        if name in settings.read or type(value) not in (dict, bool):
            continue
        settings.read.add(name)
        routers = routers or name.endswith((".gate", ".router"))
        names = exact_names([name])
        if value is False:
            overrides += keep(names)
        elif value is True:
            overrides.append(take(base, (), names))
        else:
            overrides.append(take(_format(settings.inner(value, name)), (), names))
    rules = [*overrides, take(base, ALL)]
    caveats = () if routers or not settings.experts else (
        settings.caveat("bits", "routers are taken to be in 16 bits: a class of mlx-lm decides, not the config",
                        "estimate"),)
    return Quantized(tuple(_merged(rules)), caveats)


def _format(settings: Settings) -> str:
    """The format of the base or of one module, which without a `mode` of its own is affine, whatever the base is."""
    mode = settings.text("mode", default="affine")
    if mode not in DEFAULTS:
        raise settings.error(f"unknown value {mode[:40]!r}", "mode", f"known: {', '.join(DEFAULTS)}")
    bits, group = DEFAULTS[mode]
    if mode != "affine":
        settings.get("bits", "group_size")
        return MODES[mode]
    bits, group = settings.bits("bits"), settings.number("group_size", default=64)
    return f"mlx-{bits}bit-g{group}"


def _merged(rules: list[QuantRule]) -> list[QuantRule]:
    """Rules of whole names that give one format, as one: no name stands in two of them."""
    names: dict[str, list[str]] = {}
    others = []
    for rule in rules:
        if type(rule.match) is tuple and not rule.among:
            names.setdefault(rule.format, []).extend(rule.match)
        else:
            others.append(rule)
    return [take(format_, (), match) for format_, match in names.items()] + others
