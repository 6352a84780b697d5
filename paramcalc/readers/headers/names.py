"""Names of a checkpoint's tensors without the numbers in them."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"(?<![^.])\d+(?![^.])")


def collapsed(name: str) -> str:
    """The name, every number between dots replaced by `*`."""
    return _NUMBER.sub("*", name)
