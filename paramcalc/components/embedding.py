"""Tables that turn ids and positions into vectors, and the position schemes that have no table."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from paramcalc.components.base import Component, Rows, Site
from paramcalc.tree import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterable

Table = Literal["token_embedding", "position_embedding", "other_embedding"]


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

    source: ClassVar[str] = "torch.nn.Embedding"

    def tensors(self, site: Site) -> list[Tensor]:
        """The table."""
        axis = "vocab" if self.component == "token_embedding" else "rows"
        stored = 0 if self.tied_to else 1
        shape = (self.rows or site.vocab_size, self.width(site))
        return [Tensor(self.spell("weight"), shape, (axis, "hidden"), "lookup", self.component, stored,
                       frozen=self.frozen)]


class Positions(Component):
    """Positions computed, not looked up: zero parameters, said so."""

    kind: Literal["rotary", "alibi", "sinusoidal"]

    source: ClassVar[str] = "rotary: arXiv:2104.09864; ALiBi: arXiv:2108.12409; sinusoidal: arXiv:1706.03762"

    def tensors(self, site: Site) -> Iterable[Tensor]:
        """None."""
        return ()
