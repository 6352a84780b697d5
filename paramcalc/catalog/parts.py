"""What number formats are made of: codes, scales, zeros and tables, each of some bits for each of something."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from fractions import Fraction

Size = tuple[str | int, ...]
"""A product still to be taken: `10*group` is `(10, "group")`."""


class Sizes(NamedTuple):
    """What a format leaves open and a name or a config says."""

    bits: int | Fraction
    """Of one code; a mean where a file mixes widths."""
    group: int = 0
    """Numbers that share a scale, or make up a vector; -1 is a whole row, 0 none or a fixed layout."""
    books: int = 1
    """Codebooks whose entries are added up."""
    entries: int = 0
    """Of a codebook; as many as codes can tell apart where it is 0."""
    second: int = 0
    """Entries of a second codebook, for what the first leaves over."""
    listed: int = 1
    """Bytes of the matrix, where a config lists them."""
    tile: tuple[int, int] = (0, 0)
    """Rows and columns of a block that shares a scale, where a format leaves it open."""

    def value(self, factor: str | int) -> int | Fraction:
        """A factor of a product."""
        if isinstance(factor, int):
            return factor
        computed: dict[str, int | Fraction] = {
            "bits": self.bits, "group": self.group, "books": self.books, "second": self.second, "listed": self.listed,
            "entries": self.entries or 2 ** int(self.bits), "index": _address(self.entries) + _address(self.second),
            "slot": next(width for width in (8, 16, 32) if self.bits <= width),
        }
        return computed[factor]

    def product(self, factors: Size) -> int | Fraction:
        """All factors multiplied: bits, or items, as the expression is of either."""
        return prod(map(self.value, factors))


class Part(NamedTuple):
    """What a format stores of one kind: the codes, the scales, the zeros, a table."""

    name: str
    per: str
    """One item for each `weight`, `group`, `row`, `column`, `vector`, `tensor`, `block` (2-D) or `flat` run of
    weights."""
    bits: Size
    """Of one item."""
    pack: str = ""
    """The dimension, `in` or `out`, whose items share words; empty: all items of the matrix share bytes."""
    word: int = 8
    """Bits of such a word."""
    block: tuple[int, int] = (1, 1)
    flat: Size = ()
    when: str = ""
    """Stored only by the variant of that name (`zp`: zero points)."""
    unless: tuple[str, ...] = ()
    """Not stored by the variants of these names."""
    pad: tuple[int, int] = (1, 1)
    """The matrix is stored with its rows and columns filled up to a multiple of these."""

    def bytes_of(self, rows: int, columns: int, sizes: Sizes) -> int:
        """Bytes for one matrix of `rows` outputs and `columns` inputs."""
        height, length = self.pad
        down, across = self._items(up(rows, height) * height, up(columns, length) * length, sizes)
        width = sizes.product(self.bits)
        if self.pack == "in":
            return down * up(across * width, self.word) * self.word // 8
        if self.pack == "out":
            return across * up(down * width, self.word) * self.word // 8
        return up(down * across * width, 8)

    def _items(self, rows: int, columns: int, sizes: Sizes) -> tuple[int, int]:
        """How many items there are along each dimension of the matrix."""
        if self.per == "flat":
            return 1, up(rows * columns, sizes.product(self.flat))
        groups = up(columns, sizes.group) if sizes.group > 0 else 1
        down, across = sizes.tile if all(sizes.tile) else self.block
        return {
            "weight": (rows, columns),
            "group": (rows, groups),
            "row": (rows, 1),
            "column": (1, columns),
            "vector": (up(rows, max(sizes.group, 1)), columns),
            "block": (up(rows, down), up(columns, across)),
            "tensor": (1, 1),
        }[self.per]


def up(count: int | Fraction, size: int | Fraction) -> int:
    """How many of `size` it takes to hold `count`."""
    return int(-(-count // size))


def _address(entries: int) -> int:
    """Bits that tell entries apart."""
    return max(entries - 1, 0).bit_length()
