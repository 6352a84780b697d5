"""FLOPs for a training loop's MFU: one call, from whatever describes the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from paramcalc.measures.attention_pairs import Convention
    from paramcalc.readers.sources import Source


def flops_per_token(model: Source, seq: int, *, convention: Convention = "full", training: bool = True) -> int:
    """FLOPs of one token in a sequence of `seq`, a multiply-add counted as two.

    `model`: a ModelSpec, a dict (a spec or a config.json), a config object with `to_dict()`, a path or a preset's
    name. `convention`: `full` counts attention's whole square as PaLM's MFU does (arXiv:2204.02311, appendix B),
    `causal` only the pairs a query may see. `training`: forward and backward, without recomputation; else forward.
    The sequence's FLOPs are divided by `seq` and rounded down. Raises PCError for what cannot be read.
    """
    from paramcalc.build import build
    from paramcalc.measures.flops import Workload, flops
    from paramcalc.readers.sources import spec_of

    found = flops(build(spec_of(model)).tree, Workload(1, seq, 0, seq, convention))
    return (found.forward + (found.backward if training else 0)) // seq
