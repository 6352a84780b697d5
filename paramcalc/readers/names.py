"""Names people type for a model: presets and near misses of theirs, repositories of the hub and their addresses."""

from __future__ import annotations

import os
import re
from difflib import get_close_matches

from paramcalc.readers.headers import CHECKPOINTS
from paramcalc.readers.presets import presets
from paramcalc.repositories import BEFORE, HOST
from paramcalc.repositories import REPOSITORY as NAME

ADDRESS = re.compile(rf"(?:https?://)?(?:www\.)?{HOST}/({NAME})(?:/?|/(?:tree|blob|resolve)/.*)")
REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
SOURCE = re.compile(rf"^source: *['\"]?{BEFORE}?({NAME})", re.MULTILINE)
VARIANT = re.compile(r"-(?:instruct|chat|it|hf|gguf|gptq|awq|mlx|[48]bit|int[48]|fp[48]|bf16|fp16)(?=-|$)")
"""What a repository's name says of tuning and format: the architecture, which a preset is, stays the same."""
SUFFIXES = (".yaml", ".yml", ".json", *CHECKPOINTS)


def repository(model: str) -> str:
    """The organisation and name a MODEL argument means on the hub; empty where it means a file or a preset.

    `organisation/name`, a page's address, or `hf://organisation/name` without a revision or file.
    """
    if (address := ADDRESS.fullmatch(model)) and not os.path.exists(model):
        return address[1]
    if model.startswith("hf://"):
        name = model.removeprefix("hf://")
        return name if REPOSITORY.fullmatch(name) else ""
    plain = REPOSITORY.fullmatch(model) is not None and not model.lower().endswith(SUFFIXES)
    return model if plain and not os.path.exists(model) and not os.path.isdir(model.partition("/")[0]) else ""


def preset_of(name: str) -> str:
    """The preset whose source is a repository of the hub, in any case; empty where there is none."""
    repository = name.lower()
    for preset, path in presets().items():
        source = SOURCE.search(path.read_text("utf-8")[:4000])
        if source is not None and source[1].lower() == repository:
            return preset
    return ""


def near_presets(name: str, count: int = 3) -> list[str]:
    """Presets somebody may have meant: those that begin so, contain it, or are spelled alike."""
    names, word = presets(), name.lower().rpartition("/")[2]
    near = [each for each in names if each.startswith(word)] + [each for each in names if word in each]
    near += get_close_matches(VARIANT.sub("", word), names, n=count, cutoff=0.5)
    return list(dict.fromkeys(near))[:count]
