"""Which config.json a folder means: its own, that of a folder of the hub's cache, or one its user has to choose."""

from __future__ import annotations

import os
import re
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from paramcalc.errors import InputError, Problem
from paramcalc.sanitize import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFIG = "config.json"
CACHED = re.compile(r"models--([\w.-]+?)--([\w.-]+)")
"""A repository's folder in the hub's cache, as `huggingface_hub` names it."""
REFERENCE = re.compile(r"[\w.-]{1,100}")
FOREIGN = {"model_index.json": "a diffusers pipeline", "open_clip_config.json": "an open_clip model",
           "params.json": "a model in the form of its publisher", "adapter_model.bin": "an adapter",
           "modules.json": "a pipeline of sentence-transformers", "hf_quant_config.json": "quantization settings alone"}
"""Files that stand where a config.json could, and what they are of."""
HINT = "give a folder with the config.json that transformers reads, or the file itself"
MOST_NAMED = 3
MOST_ENTRIES = 2000
"""Entries looked at below a folder that holds no config."""


def config_of(folder: Path) -> Path:
    """The config.json of a folder. Raises InputError where there is none, naming those below it."""
    own = folder / CONFIG
    if os.path.lexists(own):
        return own
    revisions = sorted(_folders(folder / "snapshots")) if CACHED.fullmatch(folder.resolve().name) else []
    if (revision := _referred(folder)) in revisions and os.path.isfile(revision / CONFIG):
        return revision / CONFIG
    if len(revisions) == 1 and os.path.isfile(revisions[0] / CONFIG):
        return revisions[0] / CONFIG
    hint = _choices(folder)
    for name, what in FOREIGN.items():
        if not hint and os.path.isfile(folder / name):
            raise InputError(Problem(f"no such file: the folder holds {what} ({name})", source=str(own),
                                     hint=HINT))
    raise InputError(Problem("no such file", source=str(own), hint=hint))


def repository_of(folder: Path) -> str:
    """`organisation/name` of a folder in the hub's cache, or of a snapshot below it; empty for any other."""
    for place in (folder, folder.parent.parent):
        if (cached := CACHED.fullmatch(place.name)) and (place is folder or folder.parent.name == "snapshots"):
            return f"{cached[1]}/{cached[2]}"
    return ""


def _referred(folder: Path) -> Path:
    """The snapshot `refs/main` names."""
    try:
        with (folder / "refs" / "main").open("rb") as file:
            name = file.read(200).decode("ascii", "replace").strip()
    except OSError:
        name = ""
    return folder / "snapshots" / (name if REFERENCE.fullmatch(name) else "")


def _choices(folder: Path) -> str:
    """The models two levels below a folder, or its checkpoints, as a hint."""
    below = list(islice(_models(folder), MOST_NAMED + 1))
    names = ", ".join(visible(str(path), 200) for path in below[:MOST_NAMED])
    if not below:
        return ""
    return f"give {names}" if len(below) == 1 else f"give one of {names}" + (" …" if len(below) > MOST_NAMED else "")


def _models(folder: Path) -> Iterator[Path]:
    """Folders with a config.json, a level below and then two, and before them checkpoints of the folder itself."""
    try:
        files = sorted(entry.name for entry in islice(os.scandir(folder), MOST_ENTRIES))
    except OSError:
        return
    yield from (folder / name for name in files if name.endswith((".gguf", ".safetensors.index.json")))
    yield from (folder / name for name in files if name == "model.safetensors")
    first = sorted(_folders(folder))
    yield from (path for path in first if os.path.isfile(path / CONFIG))
    for path in first:
        yield from (inner for inner in sorted(_folders(path)) if os.path.isfile(inner / CONFIG))


def _folders(folder: Path) -> Iterator[Path]:
    """The folders of a folder, links not followed."""
    try:
        for entry in islice(os.scandir(folder), MOST_ENTRIES):
            if entry.is_dir(follow_symlinks=False):
                yield Path(entry.path)
    except OSError:
        return
