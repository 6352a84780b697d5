"""Names of a checkpoint's tensors without the numbers in them."""

from __future__ import annotations

import re
from functools import lru_cache

_NUMBER = re.compile(r"(?<![^.])\d+(?![^.])")


@lru_cache(maxsize=2**18)
def collapsed(name: str) -> str:
    """The name, every number between dots replaced by `*`."""
    return _NUMBER.sub("*", name)
