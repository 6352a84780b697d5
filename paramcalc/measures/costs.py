"""What a workload costs beyond its forward pass: a training step, the prompt alone, the token after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from paramcalc.defaults import WORKLOAD
from paramcalc.measures.flops import Flops, Workload, flops
from paramcalc.measures.rules_of_thumb import palm, six_n_d
from paramcalc.spec.media import NO_MEDIA

if TYPE_CHECKING:
    from paramcalc.defaults import Recompute
    from paramcalc.tree import Node


class Costs(NamedTuple):
    """All that is said of one workload."""

    load: Workload
    step: Flops
    prefill: int
    decode: int
    past: int
    """Tokens in the cache when the decoded one comes."""
    recompute: Recompute
    again: int
    """Forward FLOPs done again during backward."""
    six_n_d: int
    palm: int

    @property
    def training_step(self) -> int:
        """FLOPs of forward, backward and what is recomputed between."""
        return self.step.forward + self.step.backward + self.again


def costs(tree: Node, load: Workload, recompute: Recompute = WORKLOAD.recompute) -> Costs:
    """The FLOPs of a workload, of its prompt and of the token after it.

    `recompute` is what backward computes again, see `Flops.again`. The decoded token is counted as runtimes compute it
    under either convention: latents attended to as the cache keeps them, and only the keys the query may see.
    """
    step = flops(tree, load)
    past = load.past or load.seq
    prompt = flops(tree, load._replace(head="last", past=0)).forward
    token = flops(tree, load._replace(batch=1, seq=1, past=past, convention="causal", media=NO_MEDIA)).forward
    tokens = load.batch * load.seq
    return Costs(load, step, prompt, token, past, recompute, step.again(recompute), six_n_d(tree, tokens),
                 palm(tree, tokens, load.seq))
