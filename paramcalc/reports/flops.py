"""Tables of `flops`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.measures.decoding import gives_no_tokens
from paramcalc.numbers import percent
from paramcalc.reports.certainty import missing, partly, total_label
from paramcalc.reports.count import headline
from paramcalc.reports.table import Column, Table

if TYPE_CHECKING:
    from paramcalc.answers.flops import Flops

RECOMPUTED = {"none": "", "selective": ", scores of attention again", "full": ", forward again"}


def tables(answer: Flops) -> tuple[Table, ...]:
    """The forward pass by component, then everything the workload costs."""
    return _components(answer), _totals(answer)


def _components(answer: Flops) -> Table:
    columns = (Column("component"), Column("forward", "flops"), Column("share", "share"), Column("", "bar"))
    body = tuple((row.component, row.forward, row.forward, row.forward) for row in answer.by_component)
    load = answer.costs.load
    square = {"full": "all query-key pairs of attention", "causal": "only the pairs that the causal mask allows"}
    masked = (answer.assumptions["full"],) if "full" in answer.assumptions else ()
    after = f" after {load.past:,}" if load.past else ""
    note = (f"batch {load.batch:,} × {load.seq:,} tokens{after} · a multiply-add is 2 FLOPs · {load.convention}: "
            f"{square[load.convention]} · elementwise operations left out")
    return Table(headline(answer.built), columns, body,
                 (total_label(answer), answer.forward, answer.forward, None), (note, *masked))


def _totals(answer: Flops) -> Table:
    step, past = answer.training_step, answer.costs.past
    rows = (
        ("forward", "forward", answer.forward, ""), ("backward", "backward", answer.backward, ""),
        ("training_step", "training step", step, "forward, backward" + RECOMPUTED[answer.costs.recompute]),
        ("per_token", "training, per token", answer.per_token.training, ""),
        ("prefill", "prefill", answer.prefill, "logits of the last position only"),
        ("decode_token", "one decoded token", answer.decode_token,
         f"one sequence, {past:,} tokens in the cache" + ("; latents absorbed" if _latent(answer) else "")),
        ("approximation_6nd", "6·N·D", answer.approximation_6nd,
         f"the rule of thumb gives {_percent(answer.approximation_6nd, step)} of the training step"),
        ("approximation_palm", "PaLM's rule", answer.approximation_palm,
         f"6·N·D and attention's square give {_percent(answer.approximation_palm, step)} of it"),
    )
    body = tuple((label, size, answer.known[key], what) for key, label, size, what in rows
                 if key != "decode_token" or not gives_no_tokens(answer.built))
    columns = (Column("for"), Column("FLOPs", "flops"), Column("known"), Column(""))
    return Table("what it costs", columns, body, notes=(*partly(answer), *missing(answer)))


def _latent(answer: Flops) -> bool:
    """Whether some attention keeps a latent, which decoding reads as it is."""
    return any(state.name == "latent" for path, node, _, _ in answer.built.tree.walk() for state in node.states(path))


def _percent(part: int, total: int) -> str:
    return percent(part, total, 1) if total else "0%"
