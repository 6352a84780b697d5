"""Bytes a model keeps between tokens: keys and values, and fixed-size states. What is needed and no more."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.catalog.formats import find_format
from paramcalc.measures.flops import streams

if TYPE_CHECKING:
    from paramcalc.catalog.formats import Format
    from paramcalc.tree import Node, State


class CacheBytes(NamedTuple):
    """Bytes for all sequences of a batch."""

    kv: int
    state: int

    @property
    def total(self) -> int:
        """Both."""
        return self.kv + self.state


def cache_bytes(tree: Node, context: int, batch: int = 1, dtype: str = "bf16", source: int = 0) -> CacheBytes:
    """What `batch` sequences of `context` tokens keep; `source` tokens of the encoder's input, where there is one."""
    found = {"kv": 0, "state": 0}
    plain = find_format(dtype)
    for path, node, visited in streams(tree):
        for state in node.states(path):
            tokens = source if visited.stream == "source" or state.per == "source" else context
            found[state.kind] += batch * visited.copies * state.used * state_bytes(state, tokens, plain)
    return CacheBytes(found["kv"], found["state"])


def state_bytes(state: State, tokens: int, dtype: Format) -> int:
    """Bytes of one state after `tokens` tokens of one sequence, held in its own type or in `dtype`."""
    held = find_format(state.dtype) if state.dtype else dtype
    return kept(state, tokens) * prod(state.shape) * held.bits // 8


def kept(state: State, tokens: int) -> int:
    """Entries that can still be needed: a window or a chunk bounds them, a state for the sequence is one."""
    if state.per == "sequence":
        return 1
    bounds = [bound for bound in (state.window, state.chunk) if bound is not None]
    return min(tokens, *bounds) // state.stride if bounds else tokens // state.stride
