"""What lookups keep for backward: indices, and noise of a dropout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.activations.tape import tape

if TYPE_CHECKING:
    from paramcalc.activations.forward import Forward
    from paramcalc.activations.saved import SavedActivation
    from paramcalc.components.embedding import Embedding


def embedding(part: Embedding, run: Forward) -> list[SavedActivation]:
    """What a table saves: of positions the indices, which the model makes; of tokens the noise of a dropout on the
    vectors."""
    t = tape(run, part.component)
    indexed = {"position_embedding": part.pairs or t.facts.position_indices, "other_embedding": t.facts.type_indices}
    if (part.own_indices or indexed.get(part.component)) and run.policy.library == "transformers" and t.trains():
        t.keep(t.new((1,), ("one",), "position_pair" if part.pairs else "position", "int64"), "indices")
    if part.component == "token_embedding" and part.read:
        t.dropout(t.new((part.width(run.context),), ("hidden",)), t.facts.embedding_dropout, "embedding")
    return t.saved
