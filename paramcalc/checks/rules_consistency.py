"""Rules for what is probably a mistake though it can be built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.checks.rule import Rule
from paramcalc.measures.parameters import placed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paramcalc.checks.checked_model import Subject
    from paramcalc.checks.results import Finding


def head_width(subject: Subject) -> Iterator[Finding]:
    """A head's width is given and its heads together are not as wide as the residual stream."""
    parts = set()
    for part in subject.of_kind("attention"):
        width = part.hidden_size or subject.spec.hidden_size
        if part.head_dim is None or part.num_heads * part.head_dim == width or (part.num_heads, part.head_dim) in parts:
            continue
        parts.add((part.num_heads, part.head_dim))
        together = part.num_heads * part.head_dim
        yield subject.finding("PC201", "head_dim", f"num_heads × head_dim is {part.num_heads:,} × {part.head_dim:,} = "
                              f"{together:,}, hidden_size is {width:,}", expected=width, actual=part.head_dim,
                              hint="leave head_dim out, or ignore the rule with the reason")


def tied_and_separate(subject: Subject) -> Iterator[Finding]:
    """Embeddings are said to be tied, and there is a head of its own all the same."""
    if not subject.spec.tie_embeddings:
        return
    for item in placed(subject.model.tree):
        tensor = item.tensor
        if tensor.component == "lm_head" and tensor.role == "matmul" and item.stored and "vocab" in tensor.axes:
            yield subject.finding("PC202", "tie_embeddings", f"tie_embeddings is true, but {item.name} is stored too",
                                  actual=True, hint="drop one of the two")


def window_beyond_context(subject: Subject) -> Iterator[Finding]:
    """A window that no sequence is long enough to fill."""
    context = subject.spec.max_position_embeddings or subject.reading.document.data.get("max_position_embeddings")
    windows = {part.window for part in subject.of_kind("attention") if part.window and part.causal}
    for window in sorted(windows):
        if isinstance(context, int) and window > context:
            yield subject.finding("PC203", "window", f"the window of {window:,} tokens is longer than the context of "
                                  f"{context:,}", expected=context, actual=window,
                                  hint="one of the two is wrong, or every layer is full attention")


RULES = (
    Rule("PC201", "head-width", "warning", "Heads together are not as wide as the residual stream.",
         "Right for models that chose head_dim on its own (Qwen3, Gemma); elsewhere a copied head_dim that no longer "
         "fits.", head_width),
    Rule("PC202", "tied-and-separate", "warning", "Embeddings are tied, yet a head is stored as well.",
         "The head would be counted, loaded and trained twice, or not at all.", tied_and_separate),
    Rule("PC203", "window-beyond-context", "warning", "A sliding window is longer than the context.",
         "The window never cuts anything: the cache is as large as with full attention.", window_beyond_context),
)
