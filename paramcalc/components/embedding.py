"""Tables that turn ids and positions into vectors, and the position schemes that have no table."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from paramcalc.component_names import Table
from paramcalc.components.base import NO_ROWS, Component, Rows
from paramcalc.errors import Problem
from paramcalc.tree import Context, Tensor

if TYPE_CHECKING:
    from collections.abc import Iterable


PositionKind = Literal["rotary", "alibi", "sinusoidal"]
"""Positions that are no table of weights."""


class Embedding(Component):
    """A lookup table `(rows, width)`: tokens (default), learned positions, token types."""

    kind: Literal["embedding"] = "embedding"
    rows: Rows | None = None
    """The vocabulary when not given."""
    component: Table = "token_embedding"
    frozen: bool = False
    """A table that is stored but never trained (sinusoidal tables kept as parameters)."""
    tied_to: str | None = None
    """The table is the one at this path, held once (an encoder and a decoder that share tokens)."""
    pairs: bool = False
    """A row is looked up for each pair of positions, by their distance."""
    own_indices: bool = False
    """What is looked up is not the ids themselves, but made from them."""
    read: bool = True
    """False for a table that only others are tied to."""

    source: ClassVar[str] = "torch.nn.Embedding"

    def problems(self, context: Context) -> tuple[Problem, ...]:
        """Its rows are the vocabulary, where nothing else is said."""
        return () if self.rows or context.vocab_size else (NO_ROWS,)

    def tensors(self, context: Context) -> list[Tensor]:
        """The table `(rows, hidden_size)`, which stores nothing where it is tied."""
        axis = "vocab" if self.component == "token_embedding" else "rows"
        stored = 0 if self.tied_to else 1
        shape = (self.rows or context.vocab_size, self.width(context))
        return [Tensor(self.spell("weight"), shape, (axis, "hidden"), "lookup", self.component, stored,
                       frozen=self.frozen)]


class Positions(Component):
    """Positions computed, not looked up: zero parameters, said so."""

    kind: PositionKind

    source: ClassVar[str] = "rotary: arXiv:2104.09864; ALiBi: arXiv:2108.12409; sinusoidal: arXiv:1706.03762"

    def tensors(self, context: Context) -> Iterable[Tensor]:
        """No tensors: positions are computed."""
        return ()
