"""Small files of the hub in huggingface_hub's cache: found there, and put there as we received them.

The layout is that of `huggingface_hub`: `models--org--name/snapshots/COMMIT/FILE`, and `refs/REVISION` with the commit.
The library's own download would ask the server again, and follow it anywhere.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from paramcalc.atomic import write_atomic
from paramcalc.errors import PCError

COMMIT = re.compile(r"[0-9a-f]{40}")


def cached(hub: Any, repository: str, revision: str | None, file: str) -> Path | None:  # noqa: ANN401 - huggingface_hub
    """The file in the cache, if it is there."""
    path = hub.try_to_load_from_cache(repository, file, revision=revision)
    return Path(path) if isinstance(path, str) else None


def keep(hub: Any, repository: str, revision: str | None, file: str,  # noqa: ANN401 - huggingface_hub
         raw: bytes, commit: str) -> None:
    """Put a file where `cached` finds it; that it cannot be kept does not matter now.

    Without a commit in the server's answer nothing is kept: the cache would not know what it is of.
    """
    if not COMMIT.fullmatch(commit):
        return
    folder = Path(hub.constants.HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}"
    path = folder / "snapshots" / commit / file
    with suppress(OSError, PCError):
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, raw)
        if revision is None or not COMMIT.fullmatch(revision):
            reference = folder / "refs" / (revision or "main")
            reference.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(reference, commit)
