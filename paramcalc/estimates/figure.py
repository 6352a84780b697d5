"""A quantity of which a range is known."""

from __future__ import annotations

from typing import NamedTuple


class Figure(NamedTuple):
    """A quantity with its range."""

    low: float
    expected: float
    high: float

    def over(self, value: float) -> Figure:
        """A value divided by it: what is longest gives the least."""
        return Figure(value / self.high, value / self.expected, value / self.low)

    def times(self, value: float) -> Figure:
        """The same range, each of its three ends times a value."""
        return Figure(self.low * value, self.expected * value, self.high * value)

    def by(self, other: Figure) -> Figure:
        """The product with another one, the ends with the ends."""
        return Figure(self.low * other.low, self.expected * other.expected, self.high * other.high)


def exactly(value: float) -> Figure:
    """A quantity that was given."""
    return Figure(value, value, value)
