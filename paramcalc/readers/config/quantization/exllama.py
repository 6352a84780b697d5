"""EXL2 and EXL3: a mean of bits a weight, chosen matrix by matrix; the head has its own.

Sources: exllamav2 0.3.2, exllamav3 1.6.5 (modules/quant/exl3.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.readers.config.quantization.settings import Quantized, take

if TYPE_CHECKING:
    from paramcalc.readers.config.quantization.settings import Settings


def exl2(settings: Settings) -> Quantized:
    """ExLlamaV2: `bits` is the mean of a file, `head_bits` that of its head (turboderp-org/exllamav2)."""
    return _mean(settings, "exl2")


def exl3(settings: Settings) -> Quantized:
    """ExLlamaV3: the same words; a whole number of `bits` is that of each matrix (turboderp-org/exllamav3)."""
    return _mean(settings, "exl3")


def _mean(settings: Settings, name: str) -> Quantized:
    settings.get("calibration", "out_scales", "codebook", "tensor_storage", "measurement")
    bits, head = settings.share("bits"), settings.share("head_bits")
    if bits is None:
        return Quantized((), (settings.caveat("bits", "is missing", "unknown"),))
    exact = bits.denominator == 1 and name == "exl3"
    caveats = [] if exact else [settings.caveat("bits", "a mean: the file chooses them matrix by matrix", "estimate")]
    if head is None:
        caveats.append(settings.caveat("head_bits", "is missing: 6 bits are usual", "estimate"))
    return Quantized((take(f"{name}-{float(bits):g}bpw", ("linear",)),
                      take(f"{name}-{float(head or 6):g}bpw", ("head",), untied=True)), tuple(caveats))
