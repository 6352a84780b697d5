"""The cache a runtime reserves beforehand."""

from __future__ import annotations

from typing import NamedTuple


class Pool(NamedTuple):
    """What a runtime that reserves its cache beforehand makes of the rest of a device."""

    bytes: int
    """Of one device."""
    blocks: int
    blocks_per_request: int
    tokens: int
    """Concurrency times context, rounded down, as the log derives it."""
    page_tokens: int
    """Blocks of one group times the tokens of the shortest page, as older logs say it."""
    requests_per_thousand: int
    """Requests of that context at once, times 1,000, rounded down."""
