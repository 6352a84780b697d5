"""Names of a checkpoint's tensors without the numbers in them."""

from __future__ import annotations


def collapsed(name: str) -> str:
    """The name, every number between dots replaced by `*`."""
    return ".".join("*" if part.isdecimal() else part for part in name.split("."))
