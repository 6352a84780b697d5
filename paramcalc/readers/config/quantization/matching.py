"""How each loader tests the names it lists: its own rule, as patterns of ours.

Read in: ModelCloud/GPTQModel quantization/config.py; vllm-project/compressed-tensors utils/match.py; huggingface/
transformers quantizers/quantizers_utils.py; casper-hansen/AutoAWQ utils/module.py; vllm-project/vllm
layers/quantization/modelopt.py, fp8.py, quark/utils.py; pytorch/ao quantization/quant_api.py; intel/auto-round
inference/convert_model.py.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

BOUNDED = (5, 21)
"""transformers quantizers/quantizers_utils.py, should_convert_module: 5.20 has no boundary, 5.21 has."""
EXPERT = re.compile(r"\bexperts\.\d+(?=\.|$)")


def from_start(expressions: Iterable[str]) -> list[str]:
    """Regular expressions that match from the name's start and need not reach its end (GPTQ `dynamic`)."""
    return [f"re:{text}" for text in expressions]


def exact_names(names: Iterable[str]) -> list[str]:
    """Whole names (compressed-tensors, fp8 `ignored_layers`, MLX). An expert's number is told apart by nothing."""
    return [f"name:{name}" for name in dict.fromkeys(EXPERT.sub("experts.*", name) for name in names)]


def names_or_regexes(names: Iterable[str]) -> list[str]:
    """Whole names, or `re:` matched from the start (compressed-tensors, quark)."""
    return [text for name in names for text in ([name] if name.startswith("re:") else exact_names([name]))]


def inside(names: Iterable[str]) -> list[str]:
    """Texts that stand anywhere in a name (AWQ, HQQ)."""
    return [f"re:.*{re.escape(name)}" for name in names]


def searched(expressions: Iterable[str]) -> list[str]:
    """Regular expressions found anywhere in a name (auto-round)."""
    return [f"re:.*(?:{text})" for text in expressions]


def covering(expressions: Iterable[str]) -> list[str]:
    """Whole names, or `re:` and an expression that covers the whole name (torchao)."""
    return [f"re:(?:{text.removeprefix('re:')})$" if text.startswith("re:") else f"name:{text}"
            for text in expressions]


def start_or_end(names: Iterable[str], written_by: tuple[int, ...] = ()) -> list[str]:
    """Regular expressions from the start, or the end of a name (transformers: bitsandbytes, fp8, quanto and others);
    since its version 5.21 the expression must end where a part of the name does."""
    return [text for name in names for text in (f"re:{from_the_start(name, written_by)}", f"re:.*{re.escape(name)}$")]


def parts(names: list[str]) -> list[str]:
    """The last part of a name, a whole one, or what a dot follows inside one (transformers up to 4: bitsandbytes,
    EETQ, FBGEMM)."""
    return [text for name in names for text in (
        rf"re:.*{re.escape(name)}\.(?!weight$)",
        rf"re:(?:.*\.)?{re.escape(name)}$" if "." not in name else f"name:{name}")]


def starts(names: Iterable[str]) -> list[str]:
    """Starts of names, wherever they end (auto-round's blocks: `model.layers.1` takes layer 10 too)."""
    return [f"re:{re.escape(name)}" for name in names]


def ends(names: Iterable[str]) -> list[str]:
    """Ends of names (transformers up to 4: HIGGS)."""
    return [f"re:.*{re.escape(name)}$" for name in names]


def of_parameters(names: list[str], written_by: tuple[int, ...]) -> list[str]:
    """Tests of whole names of parameters, whose end is `.weight` (transformers: torchao)."""
    if () < written_by < (5, 0):
        return [rf"re:.*{re.escape(name)}\." for name in names]
    if not written_by:
        return start_or_end(names)
    return [text for name in names for text in (f"re:{from_the_start(name, written_by)}", *(
        [f"re:.*{re.escape(name)}$"] if name.endswith("weight") else []))]


def from_the_start(name: str, written_by: tuple[int, ...]) -> str:
    """The expression of a name, with a boundary behind it where the version that wrote the config has one."""
    expression = name if _compiles(name) else re.escape(name)
    return rf"(?:{expression})(?:(?<=\.)|(?=\.|$))" if written_by >= BOUNDED else expression


def substring_or_wildcard(names: Iterable[str]) -> list[str]:
    """A text anywhere in a name; with `*`, a wildcard on the whole name (ModelOpt as vLLM reads it)."""
    return [name if "*" in name else f"re:.*{re.escape(name)}" for name in names]


def under(names: Iterable[str]) -> list[str]:
    """Whole names and what is below them; experts as one module too."""
    return [f"under:{name}" for name in dict.fromkeys(EXPERT.sub("experts.*", name) for name in names)]


def _compiles(text: str) -> bool:
    try:
        re.compile(text)
    except re.error:
        return False
    return True
