"""FP-Quant. Source: fp_quant 0.3.2 module/linear.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.readers.config.quantization.replaced import replaced
from paramcalc.readers.config.quantization.settings import Quantized

if TYPE_CHECKING:
    from paramcalc.readers.config.quantization.settings import Settings

FORMATS = {"mxfp4": "fp_quant_mxfp4", "nvfp4": "fp_quant_nvfp4", "mxfp8": "mxfp8"}


def fp_quant(settings: Settings) -> Quantized:
    """4-bit floats after a rotation; master weights and pseudoquantized ones are plain weights."""
    settings.get("forward_method", "backward_dtype", "hadamard_group_size", "transform_init")
    master, pseudo = settings.flag("store_master_weights"), settings.flag("pseudoquantization")
    dtype = settings.text("forward_dtype", default="nvfp4")
    unquantized = settings.names("modules_to_not_convert")
    if pseudo or master:
        caveats = () if pseudo else (settings.caveat("store_master_weights", "codes beside the master weights are left "
                                                     "out"),)
        return Quantized(caveats=caveats)
    if dtype not in FORMATS:
        return Quantized((), (settings.caveat("forward_dtype", f"{dtype!r} is not known", "unknown"),))
    return replaced(settings, FORMATS[dtype], unquantized)
