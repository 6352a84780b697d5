"""Words people type for a number format that name something else: a kind of files, of weights, a number of bits."""

from __future__ import annotations

import re

_WORDS = {
    **dict.fromkeys(("gguf", "ggml", "llama.cpp", "llamacpp", "k-quant", "k-quants"), ("q4_k_m", "q8_0")),
    **dict.fromkeys(("ternary", "1.58", "b1.58"), ("tq1_0", "tq2_0", "bitnet")),
    **dict.fromkeys(("auto", "default", "native", "float", "half"), ("bf16", "fp16", "fp32")),
    **dict.fromkeys(("safetensors", "full", "original", "unquantized"), ("none", "bf16", "fp16")),
}
_BITS = {1: ("tq1_0", "iq1_m", "bitnet"), 2: ("gptq-2bit", "q2_k"), 3: ("gptq-3bit", "q3_k_m"),
         4: ("gptq-4bit", "q4_k_m", "bnb-4bit"), 5: ("q5_k_m",), 6: ("q6_k",), 8: ("int8", "q8_0", "gptq-8bit")}
"""Formats people mean by a number of bits."""
_NUMBER = re.compile(r"(?:(?:int|uint|w)-?([1-8])|([1-8](?:\.[0-9]{1,4})?)-?(bits?|bpw))")


def meant_formats(key: str) -> tuple[str, ...]:
    """Names of formats that a word, spelt as a key, stands for: `gguf`, `ternary`, `4bpw`, `int3`; none for others."""
    number = _NUMBER.fullmatch(key)
    if number is None:
        return _WORDS.get(key, ())
    size = number[1] or number[2]
    of_bits = _BITS.get(int(float(size)), ())
    return (f"exl3-{size}bpw", *of_bits) if number[3] == "bpw" else of_bits
