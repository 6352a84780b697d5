"""What a Python program can name: presets, accelerators and number formats."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.arguments import checked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paramcalc.catalog.accelerators import Accelerator
    from paramcalc.catalog.formats import Format


@checked(text=str)
def models(text: str = "") -> list[str]:
    """Names of presets that contain a text, in any case."""
    from paramcalc.readers.presets import presets

    return [name for name in presets() if text.lower() in name]


def gpus() -> Mapping[str, Accelerator]:
    """Accelerators of the catalog by name."""
    from paramcalc.catalog.accelerators import accelerators

    return accelerators()


def formats() -> Mapping[str, Format]:
    """Number formats of the catalog by name, without the GGUF mixes `quant` also takes."""
    from paramcalc.catalog.formats import formats as entries

    return entries()
