"""Tables that turn ids and positions into vectors, and the position schemes that have no table."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from paramcalc.components.base import NO_ROWS, Component, Refusal, Rows, Site
from paramcalc.components.tape import tape
from paramcalc.tree import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from paramcalc.components.tape import Policy
    from paramcalc.tree import Saved

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
    pairs: bool = False
    """A row is looked up for each pair of positions, by their distance."""
    own_indices: bool = False
    """What is looked up is not the ids themselves, but made from them."""
    read: bool = True
    """False for a table that only others are tied to."""

    source: ClassVar[str] = "torch.nn.Embedding"

    def unfit(self, site: Site) -> tuple[Refusal, ...]:
        """Its rows are the vocabulary, where nothing else is said."""
        return () if self.rows or site.vocab_size else (NO_ROWS,)

    def tensors(self, site: Site) -> list[Tensor]:
        """The table."""
        axis = "vocab" if self.component == "token_embedding" else "rows"
        stored = 0 if self.tied_to else 1
        shape = (self.rows or site.vocab_size, self.width(site))
        return [Tensor(self.spell("weight"), shape, (axis, "hidden"), "lookup", self.component, stored,
                       frozen=self.frozen)]

    def saved(self, site: Site, policy: Policy) -> list[Saved]:
        """Of positions the indices, which the model makes; of tokens the noise of a dropout on the vectors."""
        t = tape(site, policy, self.component)
        made = {"position_embedding": self.pairs or t.how.position_indices, "other_embedding": t.how.type_indices}
        if (self.own_indices or made.get(self.component)) and policy.library == "transformers" and t.trains():
            t.keep(t.new((1,), ("one",), "position_pair" if self.pairs else "position", "int64"), "indices")
        if self.component == "token_embedding" and self.read:
            t.dropout(t.new((self.width(site),), ("hidden",)), t.how.embedding_dropout, "embedding")
        return t.saved


class Positions(Component):
    """Positions computed, not looked up: zero parameters, said so."""

    kind: Literal["rotary", "alibi", "sinusoidal"]

    source: ClassVar[str] = "rotary: arXiv:2104.09864; ALiBi: arXiv:2108.12409; sinusoidal: arXiv:1706.03762"

    def tensors(self, site: Site) -> Iterable[Tensor]:
        """None."""
        return ()
