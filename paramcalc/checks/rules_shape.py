"""Rules for shapes outside what published models use, and for what a file should say and does not."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from paramcalc.checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paramcalc.checks.checked_model import Subject
    from paramcalc.checks.results import Finding

FFN_RATIO = (Fraction(1), Fraction(9))
"""Gemma 2B's 8 is the widest of the presets, BERT's and GPT's 4 the plain ones, Llama's 8/3 the gated."""
ASPECT = (12, 400)
"""hidden_size / layers: SmolLM-135M has 19, Falcon-180B 186."""
HEAD_DIM = (32, 256)
"""Of a query head: Pythia-14M has 32, Gemma and Qwen3-Next 256."""
OPTIMAL = 20
"""Training tokens a parameter (arXiv:2203.15556, table 3)."""
FAR = 10
"""Times more or fewer than optimal that is worth a word."""


def ffn_ratio(subject: Subject) -> Iterator[Finding]:
    """A dense feed-forward much narrower or wider than others."""
    for size in sorted({part.intermediate_size for part in subject.of_text("ffn")}):
        ratio = Fraction(size, subject.spec.hidden_size)
        if not FFN_RATIO[0] <= ratio <= FFN_RATIO[1]:
            message = (f"the feed-forward is {float(ratio):.2f} times as wide as the model; published ones are "
                       f"{FFN_RATIO[0]} to {FFN_RATIO[1]}")
            yield subject.finding("PC401", "intermediate_size", message, actual=size)


def aspect(subject: Subject) -> Iterator[Finding]:
    """A model much deeper or wider than others."""
    layers, width = subject.layers, subject.spec.hidden_size
    if layers and not ASPECT[0] * layers <= width <= ASPECT[1] * layers:
        message = f"hidden_size / layers is {width / layers:.1f}; published models have {ASPECT[0]} to {ASPECT[1]}"
        yield subject.finding("PC402", "num_layers", message, actual=layers)


def head_size(subject: Subject) -> Iterator[Finding]:
    """A head much smaller or larger than others."""
    parts = subject.of_text("attention")
    for size in sorted({part.head_dim or subject.spec.hidden_size // part.num_heads for part in parts}):
        if not HEAD_DIM[0] <= size <= HEAD_DIM[1]:
            message = f"heads are {size:,} wide; published ones are {HEAD_DIM[0]} to {HEAD_DIM[1]}"
            yield subject.finding("PC403", "head_dim", message, actual=size)


def data_budget(subject: Subject) -> Iterator[Finding]:
    """Training on much more or less than what is optimal for the compute."""
    tokens = subject.spec.training_tokens
    if tokens is None:
        return
    active = subject.figures.counts.active
    if not OPTIMAL * active <= FAR * tokens <= FAR * FAR * OPTIMAL * active:
        message = (f"{tokens:,} tokens are {tokens / active:.1f} for each active parameter; compute-optimal is about "
                   f"{OPTIMAL}")
        yield subject.finding("PC404", "training_tokens", message, expected=OPTIMAL * active, actual=tokens)


def source(subject: Subject) -> Iterator[Finding]:
    """Numbers that come from nowhere."""
    if not subject.is_config and not subject.spec.source:
        yield subject.finding("PC502", "name", "source is missing", hint="say where the numbers came from: a URL")


RULES = (
    Rule("PC401", "ffn-ratio", "warning", "The feed-forward is narrower or wider than those of published models.",
         "Often a digit too few or too many; sometimes a choice worth saying.", ffn_ratio),
    Rule("PC402", "aspect-ratio", "warning", "The model is deeper or wider than published ones.",
         "Depth and width out of proportion cost quality (arXiv:2001.08361 section 3.2) or speed.", aspect),
    Rule("PC403", "head-size", "warning", "Heads are smaller or larger than those of published models.",
         "Kernels are written for the usual sizes.", head_size),
    Rule("PC404", "data-budget", "note", "The training tokens are far from compute-optimal for the size.",
         "Fine for a model that is served much; a surprise otherwise.", data_budget),
    Rule("PC502", "missing-source", "warning", "A spec does not say where its numbers came from.",
         "A number without a source cannot be checked by the next person.", source),
)
