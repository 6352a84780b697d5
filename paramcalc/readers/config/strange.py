"""Composite configs of types nobody wrote: where their text model stands, and what stands beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT_KEYS = ("text_config", "llm_config", "language_config", "thinker_config")
"""Under which configs keep a text model's; the first that is there."""
ROTARY_SETTINGS = ("rope_parameters", "rope_scaling")
"""Where files keep what positions are turned by."""
NO_TOWERS = ("quantization_config", "generation_config", "compression_config", *ROTARY_SETTINGS)
"""Mappings of known types of configs that are no part of the model."""
NO_PARTS = (*NO_TOWERS, "auto_map", "id2label", "label2id", "task_specific_params")
"""The same of types nobody wrote."""
PARTS = ("vision", "visual", "vit", "image", "video", "audio", "speech", "projector", "connector", "adapter", "aligner",
         "resampler", "qformer", "perceiver", "merger", "tower", "encoder", "decoder", "talker", "token2wav",
         "code2wav", "codec")
"""Words in the names of what stands beside a text model."""


def text_path(data: dict[str, Any]) -> tuple[str, ...]:
    """Where the text model's config stands, within what holds it with its towers (a thinker); empty where nowhere."""
    for key in TEXT_KEYS:
        inner = data.get(key)
        if isinstance(inner, dict):
            return (key, *text_path(inner))
    return ()


def parts_beside(data: dict[str, Any], path: tuple[str, ...]) -> tuple[str, ...]:
    """Dotted keys of the other parts of a model whose text model's config is at `path`, innermost level first."""
    levels: list[tuple[str, ...]] = []
    inner = data
    for depth, key in enumerate(path):
        levels.insert(0, tuple(".".join((*path[:depth], name)) for name in _parts(inner, key)))
        inner = inner[key]
    return tuple(name for level in levels for name in level)


def _parts(data: dict[str, Any], text: str) -> Iterator[str]:
    """Nested configs, and towers that are named by the repository they come from."""
    for key, value in data.items():
        if key in (text, *NO_PARTS):
            continue
        words = any(word in key for word in PARTS)
        nested = isinstance(value, dict)
        if (nested and (words or key.endswith("_config") or "model_type" in value)) or (
                words and isinstance(value, str) and "/" in value):
            yield key
