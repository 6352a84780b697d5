"""Which files under the paths are specifications or configs."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from paramcalc.errors import InputError, Problem
from paramcalc.readers.git import tracked
from paramcalc.readers.text.limits import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SKIPPED = {"node_modules", "__pycache__", "site-packages", "venv", "vendor", "_vendor", "third_party"}
"""Folders that hold what others wrote; hidden ones are passed over too."""
_OURS = re.compile(rb"^(?:\xef\xbb\xbf)?\s*[\"']?paramcalc[\"']?\s*:", re.MULTILINE)
_CONFIG = re.compile(rb"\"(?:model_type|architectures)\"\s*:")


def find(paths: Iterable[Path]) -> list[Path]:
    """Files named, and in folders every YAML file that says `paramcalc:` and every config.json of a model.

    Raises InputError for a path that is not there, and where nothing at all is found.
    """
    found: dict[Path, None] = {}
    missing = []
    for path in paths:
        if path.is_dir():
            found |= dict.fromkeys(_inside(path))
        elif path.exists():
            found[path] = None
        else:
            missing.append(Problem("no such file or folder", source=str(path)))
    if missing:
        raise InputError(*missing)
    if not found:
        raise InputError(Problem("nothing to check", hint="a spec says `paramcalc: 1`, a config.json `model_type`"))
    return list(found)


def _inside(folder: Path) -> Iterator[Path]:
    listed = tracked(folder)
    if listed is None:
        yield from _walked(folder)
        return
    for path in listed:
        hidden = any(part.startswith(".") or part in SKIPPED for part in path.relative_to(folder).parts)
        if not hidden and _fits(path):
            yield path


def _walked(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in SKIPPED)
        for name in sorted(files):
            path = Path(root, name)
            if _fits(path):
                yield path


def _fits(path: Path) -> bool:
    """Whether a file is one of ours by what its first 4 MiB say; a larger one of others is no business of ours."""
    pattern = _OURS if path.suffix in (".yaml", ".yml") else _CONFIG if path.name == "config.json" else None
    if pattern is None or not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return pattern.search(file.read(MAX_BYTES)) is not None
    except OSError:
        return True
