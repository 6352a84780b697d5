"""How many (query, key) pairs attention multiplies: closed sums, exact integers.

Of five tokens the causal mask leaves 1 + 2 + 3 + 4 + 5 pairs, with a window of two 1 + 2 + 2 + 2 + 2; a matrix product
computes all 25. One token after nine others meets ten keys:

>>> pairs(5, 0, Reach(), "causal"), pairs(5, 0, Reach(window=2), "causal"), pairs(5, 0, Reach(), "full")
(15, 9, 25)
>>> pairs(1, 9, Reach(), "causal")
10
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from paramcalc.defaults import Convention


class Reach(NamedTuple):
    """Which keys a query may see."""

    window: int | None = None
    chunk: int | None = None
    causal: bool = True
    top_k: int | None = None
    stride: int = 1


def pairs(queries: int, past: int, reach: Reach, convention: Convention) -> int:
    """Pairs of `queries` new tokens after `past` cached ones, for one sequence.

    Under `full` every query meets every key that is there: the new ones and what the cache kept, which a window crops
    to its last `window - 1`. Under `causal` the query at position p (from 0) meets p + 1 keys, at most `window`, or
    those since the last multiple of `chunk`; at most `top_k`; one for each `stride` tokens.
    """
    if reach.chunk is not None and not reach.causal:
        windows, rest = divmod(queries, reach.chunk)  # windows, each of which is multiplied by itself
        return windows * reach.chunk**2 + rest**2
    if convention == "full" or not reach.causal:
        cached = past if reach.window is None else min(past, reach.window - 1)
        keys = (cached + queries) // reach.stride
        if convention == "causal" and reach.window is not None:
            return _both_sides(queries, reach.window)
        return queries * (keys if reach.top_k is None else min(keys, reach.top_k))
    return _pairs_in_reach(past + queries, reach) - _pairs_in_reach(past, reach)


def _pairs_in_reach(length: int, reach: Reach) -> int:
    """Pairs of the first `length` positions."""
    if reach.stride > 1:
        return _strided(length, reach)
    if reach.chunk is not None:
        chunks, rest = divmod(length, reach.chunk)
        return chunks * _triangle(reach.chunk) + _triangle(rest)
    limits = [limit for limit in (reach.window, reach.top_k) if limit is not None]
    limit = min([length, *limits])
    return _triangle(limit) + (length - limit) * limit


def _strided(length: int, reach: Reach) -> int:
    """Position p sees (p + 1) // stride compressed keys, at most `top_k`."""
    blocks, rest = divmod(length, reach.stride)
    if reach.top_k is None or blocks <= reach.top_k:
        return reach.stride * _triangle(blocks - 1) + blocks * (rest + 1) if blocks else 0
    top = reach.top_k
    return reach.stride * _triangle(top - 1) + top * (length - top * reach.stride + 1)


def _triangle(n: int) -> int:
    return n * (n + 1) // 2


def _both_sides(length: int, window: int) -> int:
    """Encoders' local attention: a token sees `window // 2` neighbours on each side and itself."""
    side = min(window // 2, length - 1) if length else 0
    return length * (2 * side + 1) - _triangle(side) * 2
