"""Hugging Face model families: rows that say how they differ from a skeleton, and builders for what no row can say.

A family is one entry: a row in `rows.py` (or another skeleton's table), or a builder named in `BUILDERS`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from paramcalc.errors import Problem, UnknownArchitectureError
from paramcalc.readers.config.defaults import PUBLISHED

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.model import ModelSpec

Builder = Callable[["Config"], "ModelSpec"]

TABLES = (
    "rows", "rows_dense", "rows_gpt", "gemma", "rows_moe", "rows_sparse", "rows_hybrid", "rows_recurrent",
    "rows_seq2seq", "rows_t5", "rows_encoder", "rows_text",
)
"""Modules whose `ROWS` hold families, in the order they are searched."""

BUILDERS: dict[str, str] = {
    "albert": "shared_layers:albert",
    "blt": "blt:blt",
    "deberta": "disentangled:deberta",
    "deberta-v2": "disentangled:deberta_v2",
    "eurobert": "modern_encoders:eurobert",
    "flaubert": "xlm:xlm",
    "funnel": "relative:funnel",
    "hrm_text": "hrm:hrm_text",
    "ibert": "quantised_bert:ibert",
    "mobilebert": "mobilebert:mobilebert",
    "modernbert": "modern_encoders:modernbert",
    "modernvbert": "visual_encoders:modernvbert",
    "nemotron_h": "nemotron_h:nemotron_h",
    "reformer": "reformer:reformer",
    "ultrabert": "modern_encoders:ultrabert",
    "ultravbert": "visual_encoders:ultravbert",
    "xlm": "xlm:xlm",
    "xlnet": "relative:xlnet",
    "t5gemma": "t5gemma:t5gemma",
    "xlstm": "rows_recurrent:xlstm",
    "zamba": "zamba:zamba",
    "zamba2": "zamba:zamba2",
}
"""model_type to `module:function`, for families no row can say; imported when asked for."""


@cache
def builder(model_type: str) -> Builder | None:
    """What makes a specification of a config of this type; None where nobody wrote it."""
    model_type = PUBLISHED.get(model_type, model_type)
    if model_type in BUILDERS:
        module, name = BUILDERS[model_type].split(":")
        found: Builder = getattr(import_module(f"{__name__}.{module}"), name)
        return found
    for table in TABLES:
        rows: dict[str, Builder] = import_module(f"{__name__}.{table}").ROWS
        if model_type in rows:
            return rows[model_type]
    return None


def known() -> tuple[str, ...]:
    """Every model type that can be counted."""
    found = set(BUILDERS) | set(PUBLISHED)
    for table in TABLES:
        found |= set(import_module(f"{__name__}.{table}").ROWS)
    return tuple(sorted(found))


def unknown_type(model_type: str, path: tuple[str, ...], architecture: str = "") -> UnknownArchitectureError:
    """A refusal of a model type nobody wrote, with the nearest ones: of a class of the same name, then of spelling."""
    from difflib import get_close_matches

    from paramcalc.readers.config.defaults import namesakes

    names = {name.lower(): name for name in known()}
    alike = [names[word] for word in get_close_matches(model_type.lower(), names, n=3, cutoff=0.4)]
    near = list(dict.fromkeys([*(name for name in namesakes(architecture) if builder(name)), *alike]))[:3]
    hint = f"nearest known: {', '.join(near)}" if near else "`paramcalc list families` shows the known ones"
    return UnknownArchitectureError(Problem(f"unknown model_type {model_type[:100]!r}", path, hint))
