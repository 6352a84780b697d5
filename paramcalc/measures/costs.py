"""What a workload costs beyond its forward pass: a training step, the prompt alone, the token after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from paramcalc.defaults import WORKLOAD
from paramcalc.measures.flops import Flops, Workload, flops
from paramcalc.measures.rules_of_thumb import palm, six_n_d
from paramcalc.spec.media import NO_MEDIA

if TYPE_CHECKING:
    from paramcalc.tree import Node


class Costs(NamedTuple):
    """All that is said of one workload."""

    load: Workload
    step: Flops
    prefill: int
    decode: int
    past: int
    """Tokens in the cache when the decoded one comes."""
    recompute: str
    again: int
    """Forward FLOPs done again during backward."""
    six_n_d: int
    palm: int

    @property
    def training_step(self) -> int:
        """FLOPs of forward, backward and what is recomputed between."""
        return self.step.forward + self.step.backward + self.again


def costs(tree: Node, load: Workload, recompute: str = WORKLOAD.recompute) -> Costs:
    """The FLOPs of a workload, of its prompt and of the token after it.

    `recompute` during backward: `full`, all but the head; `selective`, attention's products of tokens with tokens
    (arXiv:2205.05198 section 5). The decoded token is counted as runtimes compute it under either convention: latents
    attended to as the cache keeps them, and only the keys the query may see.
    """
    step = flops(tree, load)
    past = load.past or load.seq
    prompt = flops(tree, load._replace(head="last", past=0)).forward
    token = flops(tree, load._replace(batch=1, seq=1, past=past, convention="causal", media=NO_MEDIA)).forward
    tokens = load.batch * load.seq
    again = {"none": 0, "selective": step.pairs, "full": step.forward - step.components.get("lm_head", 0)}[recompute]
    return Costs(load, step, prompt, token, past, recompute, again, six_n_d(tree, tokens),
                 palm(tree, tokens, load.seq))
