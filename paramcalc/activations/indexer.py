"""What an indexer keeps for backward."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from paramcalc.activations.forward import Forward
    from paramcalc.activations.saved import SavedActivation
    from paramcalc.components.indexer import Indexer


def indexer(part: Indexer, run: Forward) -> list[SavedActivation]:
    """Nothing: it only chooses keys. The library's classes run it without a graph, or drop the graph with the
    scores."""
    return []
