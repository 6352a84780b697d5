"""What layers of a pattern count in any number of them, each depth from what it has more than the one before."""

from __future__ import annotations

from collections import Counter
from itertools import accumulate, chain
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.components.layout import continued
from paramcalc.estimates.design.size_polynomial import OUTSIDE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from paramcalc.estimates.design.handles import Handles

Blocks = dict[str, int]
"""How often each block occurs."""


class Steps(NamedTuple):
    """The pattern over some depths, by the steps from one depth to the next, so far as it goes on."""

    first: Blocks
    """Of the shallowest."""
    kinds: list[Blocks]
    """Blocks that a step of each kind adds."""
    each: list[int]
    """The kind of each step."""

    def amounts(self, start: int, more: Sequence[int]) -> Sequence[int]:
        """Of each depth, from the shallowest one's and what each kind of step adds."""
        if len(more) == 1:
            number = 1 + len(self.each)
            return range(start, start + more[0] * number, more[0]) if more[0] else [start] * number
        return [*accumulate(map(more.__getitem__, self.each), initial=start)]


class Depths:
    """A model's pattern of layers, continued or cut."""

    def __init__(self, patterns: Sequence[Sequence[str]], handles: Handles) -> None:
        self._patterns, self._handles = patterns, handles
        self._blocks: dict[int, Blocks | None] = {}
        self._steps: dict[range, Steps | None] = {}

    def blocks(self, layers: int) -> Blocks | None:
        """How often each block occurs in so many layers; None where the pattern does not go on."""
        if layers not in self._blocks:
            try:
                self._blocks[layers] = Counter(chain.from_iterable(
                    map(continued, self._patterns, self._handles.depths(layers))))
            except ValueError:
                self._blocks[layers] = None
        return self._blocks[layers]

    def going(self, depths: range) -> range:
        """Those of the depths up to which the pattern goes on."""
        return depths[: len(self.amounts(depths, {}))]

    def amounts(self, depths: range, of_block: Mapping[str, int]) -> Sequence[int]:
        """What models of these depths count, so far as the pattern goes on, of what each block does once."""
        if depths not in self._steps:
            self._steps[depths] = self._along(depths)
        if (steps := self._steps[depths]) is None:
            return ()
        start = of_block.get(OUTSIDE, 0) + _sum(of_block, steps.first)
        return steps.amounts(start, [_sum(of_block, kind) for kind in steps.kinds])

    def _along(self, depths: range) -> Steps | None:
        first = blocks = self.blocks(depths[0]) if depths else None
        if first is None:
            return None
        kinds: list[Blocks] = []
        each = []
        for layers in depths[1:]:
            fewer, blocks = blocks or {}, self.blocks(layers)
            if blocks is None:
                break
            more = {name: times for name in blocks | fewer if (times := blocks.get(name, 0) - fewer.get(name, 0))}
            kinds += [] if more in kinds else [more]
            each.append(kinds.index(more))
        return Steps(first, kinds, each)


def _sum(of_block: Mapping[str, int], blocks: Blocks) -> int:
    return sum([times * of_block.get(name, 0) for name, times in blocks.items()])
