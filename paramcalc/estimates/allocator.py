"""What torch's caching allocator counts as allocated: a tensor may get a block up to 1 MiB larger than itself.

Up to 1 MiB, tensors share segments of 2 MiB without loss. Larger ones take the smallest free block that holds them,
else a new segment: 20 MiB below 10 MiB, else their size rounded up to 2 MiB. What is left of a block is given to others
only where it is more than 1 MiB.

Source: pytorch/pytorch c10/cuda/CUDACachingAllocator.cpp (`get_allocation_size`, `should_split`).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

GRAIN = 512
SMALL = 2**20
LARGE = 10 * 2**20
SEGMENT = 20 * 2**20
ROUND = 2 * 2**20


class Block(NamedTuple):
    """A part of a segment; of a small tensor only its size is kept."""

    size: int
    segment: int = -1
    start: int = 0

    @property
    def end(self) -> int:
        """Bytes from the start to where the next one starts."""
        return self.start + self.size


class Pool:
    """Segments and their free blocks."""

    def __init__(self) -> None:
        self.allocated = 0
        self._free: list[Block] = []
        self._segments = 0

    def take(self, size_bytes: int) -> Block:
        """A block for a tensor of that many bytes."""
        size = -(-size_bytes // GRAIN) * GRAIN
        if size <= SMALL:
            self.allocated += size
            return Block(size)
        block = self._find(size)
        if block.size - size > SMALL:
            insort(self._free, Block(block.size - size, block.segment, block.start + size))
            block = block._replace(size=size)
        self.allocated += block.size
        return block

    def give(self, block: Block) -> None:
        """A tensor is no longer needed; free neighbours become one block."""
        self.allocated -= block.size
        if block.segment < 0:
            return
        for other in [free for free in self._free if free.segment == block.segment]:
            if block.start in (other.start, other.end) or block.end == other.start:
                self._free.remove(other)
                block = Block(block.size + other.size, block.segment, min(block.start, other.start))
        insort(self._free, block)

    def _find(self, size: int) -> Block:
        place = bisect_left(self._free, Block(size))
        if place < len(self._free):
            return self._free.pop(place)
        self._segments += 1
        return Block(SEGMENT if size < LARGE else -(-size // ROUND) * ROUND, self._segments)


def allocated_bytes(sizes: Sequence[int], tables: Sequence[int], place: int) -> int:
    """Bytes counted for arrays of these sizes, made in this order and kept, and rotary tables made after `place` of
    them: angles, cosines and sines in fp32, both joined in fp32, and then in two bytes."""
    pool = Pool()
    for size in sizes[:place]:
        pool.take(size)
    for table in tables:
        parts = [pool.take(table) for _ in range(3)]
        table_pair = pool.take(2 * table)
        for part in parts:
            pool.give(part)
        pool.take(table)
        pool.give(table_pair)
    for size in sizes[place:]:
        pool.take(size)
    return pool.allocated
