"""bitsandbytes: 8 bits with a scale a row, or 4 bits in blocks of the flattened matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.readers.config.quantization.replaced import replaced
from paramcalc.readers.config.quantization.settings import Quantized

if TYPE_CHECKING:
    from paramcalc.readers.config.quantization.settings import Settings

COMPUTED = ("bnb_4bit_compute_dtype", "bnb_4bit_quant_storage", "llm_int8_threshold", "llm_int8_has_fp16_weight",
            "llm_int8_enable_fp32_cpu_offload")


def bitsandbytes(settings: Settings) -> Quantized:
    """Every Linear, those of towers and GPT-2's turned ones too.

    Source: transformers integrations/bitsandbytes.py, replace_with_bnb_linear. Raises SpecError for both of 8 and 4.
    """
    settings.get(*COMPUTED)
    skipped = settings.names("llm_int8_skip_modules")
    eight = settings.flag("load_in_8bit", "_load_in_8bit")
    four = settings.flag("load_in_4bit", "_load_in_4bit")
    kind = settings.text("bnb_4bit_quant_type", default="fp4")
    nested = settings.flag("bnb_4bit_use_double_quant")
    size = settings.number("bnb_4bit_blocksize", "blocksize", default=64)
    if eight and four:
        raise settings.error("load_in_4bit and load_in_8bit are both true", "load_in_4bit", "leave one out")
    if not eight and not four:
        switched_off = any(key.endswith(("load_in_8bit", "load_in_4bit")) for key in settings.data)
        why = settings.caveat("load_in_4bit", "neither it nor load_in_8bit is given: the weights are given in their "
                              "dtype", "unknown")
        return Quantized((), () if switched_off else (why,))
    format_ = "bnb_int8" if eight else f"bnb_{kind}{'_dq' if nested else ''}-g{size}"
    notes = () if eight else ("bitsandbytes: a file also holds a small JSON text for each matrix (about 0.03%)",)
    return replaced(settings, format_, skipped, "conv1d")._replace(notes=notes)
