"""Names of a checkpoint's tensors without the numbers in them."""

from __future__ import annotations

from paramcalc.measures.parameters import NUMBER


def collapsed(name: str) -> str:
    """The name, every number between dots replaced by `*`."""
    return NUMBER.sub("*", name)
