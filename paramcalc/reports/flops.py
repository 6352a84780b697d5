"""What `flops` says: the contract's object and its tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.measures.cache_known import cache_unknown
from paramcalc.measures.costs import Costs, costs
from paramcalc.measures.known import Known, of_model
from paramcalc.measures.parameters import COMPONENTS
from paramcalc.reports.count import assumed, head, headline
from paramcalc.reports.table import Answer, Column, Table

if TYPE_CHECKING:
    from paramcalc.build import Model
    from paramcalc.measures.flops import Workload
    from paramcalc.readers.models import Loaded

FIGURES = ("forward", "backward", "training_step", "prefill", "decode_token", "per_token", "components")
AGAIN = {"none": "", "selective": ", scores of attention again", "full": ", forward again"}


def answer(loaded: Loaded, model: Model, load: Workload, recompute: str = "none") -> Answer:
    """FLOPs forward, backward, of a training step, of the prompt and of one decoded token, by component."""
    found = costs(model.tree, load, recompute)
    tokens = load.batch * load.seq
    json: dict[str, Any] = head("flops", loaded) | {
        "assumptions": assumed(model.spec, _assumptions(found)),
        "forward": found.step.forward, "backward": found.step.backward, "training_step": found.training_step,
        "prefill": found.prefill, "decode_token": found.decode,
        "per_token": {"forward": found.step.forward // tokens, "training": found.training_step // tokens},
        "components": [{"component": name, "forward": found.step.components[name],
                        "backward": found.step.backward_components[name]}
                       for name in COMPONENTS if found.step.components.get(name)],
        "approximation_6nd": found.six_n_d, "approximation_palm": found.palm,
        "known": _known(model),
    }
    json["warnings"] += load.media.notes
    return Answer(json, (_components(model, found), _totals(found)))


def _known(model: Model) -> dict[str, Known]:
    """How each figure is known; of a checkpoint's header only the weights' part is counted."""
    exact = of_model(model.spec, known="bound" if cache_unknown(model) else "exact")
    figures: dict[str, Known] = dict.fromkeys(FIGURES, exact)
    return figures | {"approximation_6nd": "estimate", "approximation_palm": "estimate"}


def _assumptions(found: Costs) -> dict[str, Any]:
    load = found.load
    return {
        "multiply_add": 2, "convention": load.convention, "batch": load.batch, "seq": load.seq, "past": load.past,
        "head": load.head, "recompute": found.recompute,
        "prefill": "logits of the last position of each sequence",
        "decode_token": f"one token of one sequence after {found.past:,}, as runtimes compute it: latent attention "
                        "absorbed, only the keys the query may see",
        **load.media.summary(),
        "left_out": "elementwise operations: norms, activations, softmax, rotary, the recurrences of scans",
    }


def _components(model: Model, found: Costs) -> Table:
    columns = (Column("component"), Column("forward", "flops"), Column("share", "share"), Column("", "bar"))
    step = found.step.components
    body = tuple((name, step[name], step[name], step[name]) for name in COMPONENTS if step.get(name))
    load = found.load
    square = "the whole square of attention" if load.convention == "full" else "only the pairs a query may see"
    after = f" after {load.past:,}" if load.past else ""
    note = (f"batch {load.batch:,} × {load.seq:,} tokens{after} · a multiply-add is 2 FLOPs · {load.convention}: "
            f"{square} · elementwise operations left out")
    total = ("total", found.step.forward, found.step.forward, None)
    return Table(headline(model), columns, body, total, (note,))


def _totals(found: Costs) -> Table:
    step, tokens = found.training_step, found.load.batch * found.load.seq
    body = [
        ("forward", found.step.forward, ""), ("backward", found.step.backward, ""),
        ("training step", step, "forward, backward" + AGAIN[found.recompute]),
        ("training, per token", step // tokens, ""),
        ("prefill", found.prefill, "logits of the last position only"),
        ("one decoded token", found.decode, f"one sequence, {found.past:,} tokens in the cache; latents absorbed"),
        ("6·N·D", found.six_n_d, f"the rule of thumb says {_percent(found.six_n_d, step)} of the training step"),
        ("PaLM's rule", found.palm, f"6·N·D and attention's square: {_percent(found.palm, step)} of it"),
    ]
    return Table("what it costs", (Column("for"), Column("FLOPs", "flops"), Column("")), tuple(body))


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "0 %"
