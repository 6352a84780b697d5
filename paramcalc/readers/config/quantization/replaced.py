"""What transformers puts a quantized module in the place of: every `nn.Linear` but those listed.

Source: transformers 4.57, 5.0 to 5.24: quantizers/base.py, get_modules_to_not_convert; quantizers/quantizers_utils.py;
the `replace_with_…` functions of its integrations, which before 5.0 had tests of names of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.readers.config.quantization.matching import parts, start_or_end
from paramcalc.readers.config.quantization.settings import Quantized, keep, take
from paramcalc.spec.quantize import KEEP

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramcalc.readers.config.quantization.settings import Settings
    from paramcalc.spec.caveats import Caveat
    from paramcalc.spec.quantize import Kind, QuantRule

STACKED = (5, 0)
"""Since this version the experts of a layer are one parameter, which is no `nn.Linear`; and one test of names is used
by all methods."""


def replaced(settings: Settings, format_: str, skipped: list[str] | None, *also: Kind,
             before: Callable[[list[str]], list[str]] = parts) -> Quantized:
    """Linears in a format; without a list of what to skip the head stays as it is, a list replaces that default.

    `before` is the method's own test of names, up to version 4.
    """
    among: tuple[Kind, ...] = ("linear", "towers", *also, *(("head",) if skipped is not None else ()))
    rules = (*keep(skips(settings, skipped or [], before)), *stacked(settings), take(format_, among))
    return Quantized(rules, _routers(settings))


def skips(settings: Settings, names: list[str], before: Callable[[list[str]], list[str]]) -> list[str]:
    """The names as the version that wrote the config tests them; where it does not say, as 5.0 to 5.20 do."""
    return before(names) if () < settings.written_by < STACKED else start_or_end(names, settings.written_by)


def stacked(settings: Settings) -> tuple[QuantRule, ...]:
    """Experts that stay as they are, since they are no Linears in the version that wrote the config."""
    return (take(KEEP, ("experts",)),) if settings.written_by >= STACKED else ()


def _routers(settings: Settings) -> tuple[Caveat, ...]:
    if not settings.experts:
        return ()
    return (settings.caveat("quant_method", "routers are taken to be in 16 bits: whether one is an nn.Linear is a "
                            "matter of the class, not of the config", "estimate"),)
