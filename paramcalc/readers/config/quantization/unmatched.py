"""Modules that settings list to stay as they are and that no model of the kind has: misspelt, most likely.

Lists are copied from model to model, and name towers, drafts and heads that a model may not have, so only words of no
model at all are told.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from paramcalc.readers.config.accounting import NAMED_TOWERS
from paramcalc.readers.config.strange import PARTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from paramcalc.spec.model import ModelSpec

COMMON = frozenset([
    *NAMED_TOWERS, *PARTS, "attn", "attention", "bias", "block", "classif", "conv", "dense", "draft", "eagle", "embed",
    "expert", "ffn", "gate", "head", "index", "language", "layer", "linear", "lora", "mamba", "mlp", "model", "moe",
    "mtp", "nextn", "norm", "output", "pool", "proj", "query", "rotary", "router", "score", "shared", "text", "thinker",
    "transformer",
])
"""Parts of the names that modules of any model have."""
WORD = re.compile("[A-Za-z][A-Za-z_]+")
MOST = 5
"""How many are named at most."""


def unmatched(skipped: Sequence[tuple[str, str]], spec: ModelSpec) -> Iterator[str]:
    """The modules of which no word is part of a name of the model's tensors, or of a common one; each list of them as a
    sentence."""
    strange = [(key, name) for key, name in skipped if (words := _words(name))
               and not any(part in word for word in words for part in COMMON)]
    if not strange:
        return
    from paramcalc.build import build
    from paramcalc.measures.parameters import rows

    names = "\n".join(row.name for row in rows(build(spec).tree)).lower()
    by_key: dict[str, list[str]] = {}
    for key, name in strange:
        if not any(word in names for word in _words(name)):
            by_key.setdefault(key, []).append(name)
    for key, each in by_key.items():
        more = f" and {len(each) - MOST:,} more" if len(each) > MOST else ""
        yield f"{key} names no module of the model: {', '.join(map(repr, each[:MOST]))[:300]}{more}"


def _words(name: str) -> list[str]:
    """What of a name or an expression is letters: no numbers, dots and signs."""
    return [word.lower().strip("_") for word in WORD.findall(name.removeprefix("re:"))]
