"""Rules for sizes that hardware handles badly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.checks.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paramcalc.checks.checked_model import Subject
    from paramcalc.checks.results import Finding

TILE = 64
"""Elements of a matrix tile that keeps tensor cores busy (NVIDIA, Matrix Multiplication Background User's Guide)."""


def _multiple(subject: Subject, rule: str, fact: str, value: int) -> Iterator[Finding]:
    if value % TILE:
        up = -(-value // TILE) * TILE
        yield subject.finding(rule, fact, f"{fact} {value:,} is not a multiple of {TILE}", expected=up, actual=value,
                              hint=f"{up:,} is the next")


def vocabulary(subject: Subject) -> Iterator[Finding]:
    """The table and the head have a ragged edge."""
    if subject.spec.vocab_size:
        yield from _multiple(subject, "PC301", "vocab_size", subject.spec.vocab_size)


def width(subject: Subject) -> Iterator[Finding]:
    """Every matrix of the model has a ragged edge."""
    yield from _multiple(subject, "PC302", "hidden_size", subject.spec.hidden_size)


def inner(subject: Subject) -> Iterator[Finding]:
    """The feed-forward matrices have a ragged edge."""
    sizes = {part.intermediate_size for kind in ("ffn", "moe") for part in subject.of_kind(kind)}
    for size in sorted(sizes):
        yield from _multiple(subject, "PC303", "intermediate_size", size)


def ranks(subject: Subject) -> Iterator[Finding]:
    """Something does not divide among the ranks promised."""
    tp = subject.spec.expect.tp if subject.spec.expect else None
    if not tp:
        return
    facts = {("num_heads", part.num_heads) for part in subject.of_kind("attention")}
    facts |= {("intermediate_size", part.intermediate_size) for part in subject.of_kind("ffn")}
    for fact, value in sorted(facts):
        if value % tp:
            yield subject.finding("PC304", fact, f"{fact} {value:,} does not divide by {tp} tensor-parallel ranks",
                                  expected=tp, actual=value, hint="change it, or the ranks under expect.tp")


def shared_keys(subject: Subject) -> Iterator[Finding]:
    """Ranks hold copies of the same keys."""
    tp = subject.spec.expect.tp if subject.spec.expect else None
    for heads in sorted({part.num_kv_heads or part.num_heads for part in subject.of_kind("attention")}):
        if tp and heads < tp:
            message = f"{heads} key/value heads for {tp} tensor-parallel ranks: each is held {-(-tp // heads)} times"
            yield subject.finding("PC305", "num_kv_heads", message, expected=tp, actual=heads,
                                  hint="more key/value heads, or fewer ranks")


RULES = (
    Rule("PC301", "vocab-multiple", "warning", "The vocabulary is not a multiple of 64.",
         "Padding it costs nothing and makes the largest matrix faster (nanoGPT pads 50,257 to 50,304).", vocabulary),
    Rule("PC302", "hidden-multiple", "warning", "The hidden size is not a multiple of 64.",
         "Every matrix product pays for the padding inside the kernel.", width),
    Rule("PC303", "ffn-multiple", "warning", "The feed-forward width is not a multiple of 64.",
         "Two thirds of a model's work pay for the padding inside the kernel.", inner),
    Rule("PC304", "tp-divides", "warning", "Heads or the feed-forward do not divide among the ranks of `expect.tp`.",
         "The runtime refuses, or pads.", ranks),
    Rule("PC305", "kv-heads-below-tp", "warning", "There are fewer key/value heads than ranks of `expect.tp`.",
         "The cache does not shrink any more with further ranks.", shared_keys),
)
