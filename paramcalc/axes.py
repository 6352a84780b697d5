"""The names of a tensor's dimensions, by which a model is divided among devices.

hidden    the residual stream: never divided
heads     query heads, value heads of a linear mixer: divided by tensor parallelism
kv_heads  key and value heads: divided, or held again on several devices where there are fewer than devices
groups    groups of a state mixer that share B and C: as kv_heads
o_groups  groups of heads with an output projection of their own: divided
ffn       intermediate size of a feed-forward: divided
inner     channels of a state mixer: divided
vocab     rows of the token table and of the head: padded, then divided
kernel    a convolution's columns; in a state, one more than the next token needs (`reach`: just what it needs)
latent, router, rows, head_dim, state, kernel, dt, rope, one, out and any other: held whole by every device

A dimension that flattens several heads, or joins several projections in one matrix, is an `Axis`: it says of which runs
it is made, so that a device's share is made of whole heads of each.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple


class Run(NamedTuple):
    """`units` things called `name`, of `size` values each: 32 heads of 128."""

    name: str
    units: int
    size: int = 1


class Axis(str):
    """A dimension's name that remembers its runs; equal to the plain name of the first."""

    __slots__ = ("runs",)
    runs: tuple[Run, ...]

    def __new__(cls, *runs: Run) -> Axis:
        """An axis of these runs, in order."""
        self = super().__new__(cls, runs[0].name)
        self.runs = runs
        return self

    def __reduce__(self) -> tuple[type[Axis], tuple[Run, ...]]:
        return Axis, self.runs


@lru_cache(maxsize=1024, typed=True)  # typed: an explained model's sizes are integers that know where they come from
def axis(name: str, count: int, size: int = 1) -> Axis:
    """`count` heads (or whatever the name says) of `size` values each, as one dimension."""
    return Axis(Run(name, count, size))


def runs(name: str, dimension: int) -> tuple[Run, ...]:
    """What a dimension is made of: a plain name means as many single values."""
    return name.runs if isinstance(name, Axis) else (Run(name, dimension),)
