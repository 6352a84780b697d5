"""`flops`: FLOPs of a workload, of a training step, of the prompt and of one decoded token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from paramcalc.answers.answer import Answer, head, hidden, json_key
from paramcalc.component_names import COMPONENTS, ComponentName
from paramcalc.estimates.effects import need_encoder, within_positions
from paramcalc.estimates.media import media_of
from paramcalc.measures.certainty import Certainty, least, of_model, tower_certainty
from paramcalc.measures.costs import Costs, costs
from paramcalc.measures.decoding import gives_no_tokens
from paramcalc.measures.flops import masks
from paramcalc.measures.header_certainty import flops_certainty

if TYPE_CHECKING:
    from paramcalc.build import Model
    from paramcalc.estimates.settings import FlopsSettings
    from paramcalc.readers.models import Reading
    from paramcalc.spec.media import Media
    from paramcalc.tree import Node

COUNTED = ("forward", "backward", "training_step", "prefill", "decode_token", "per_token", "components")
RULES_OF_THUMB = ("approximation_6nd", "approximation_palm")
MASKED = ("the square is charged beyond windows too, where the class multiplies what it masks and the model needs none "
          "of it: --convention causal charges the keys a query may see")


class TokenFlops(NamedTuple):
    """FLOPs of one token, rounded down."""

    forward: int
    training: int
    """Forward, backward and what is recomputed."""


class ComponentFlops(NamedTuple):
    """FLOPs of one component."""

    component: ComponentName
    forward: int
    backward: int


@dataclass(frozen=True, kw_only=True)
class Flops(Answer):
    """FLOPs of `batch` sequences; a multiply-add is two."""

    command: ClassVar[str] = "flops"
    forward: int
    backward: int
    training_step: int
    """Forward, backward and what is recomputed."""
    prefill: int
    """Forward of the prompt, with logits of the last position only."""
    decode_token: int
    """Forward of one token of one sequence after the prompt."""
    per_token: TokenFlops
    by_component: tuple[ComponentFlops, ...] = json_key("components")
    approximation_6nd: int
    """6 × active parameters × tokens (arXiv:2001.08361)."""
    approximation_palm: int
    """The same with attention's square (arXiv:2204.02311, appendix B)."""
    known: dict[str, Certainty]
    costs: Costs = hidden()

    @property
    def components(self) -> dict[str, int]:
        """ComponentName to FLOPs of the forward pass."""
        return self.costs.step.components

    @property
    def backward_components(self) -> dict[str, int]:
        """ComponentName to FLOPs of the backward pass."""
        return self.costs.step.backward_components


def flops(reading: Reading, settings: FlopsSettings) -> Flops:
    """Count the FLOPs of a workload. Raises UsageError for settings that do not apply to the model."""
    start = head(reading)
    model: Model = start["built"]
    need_encoder(settings, model)
    settings, length = within_positions(settings, model.spec, media_of(settings, model.spec))
    totals = costs(model.tree, settings.workload(reading.spec), settings.recompute)
    load, step = totals.load, totals.step
    tokens = load.batch * load.seq
    return Flops(
        **start | {"length": length, "assumptions": _assumptions(totals, model.tree, gives_no_tokens(model)),
                   "warnings": (*start["warnings"], *load.media.notes)},
        forward=step.forward, backward=step.backward, training_step=totals.training_step, prefill=totals.prefill,
        decode_token=totals.decode, per_token=TokenFlops(step.forward // tokens, totals.training_step // tokens),
        by_component=tuple(ComponentFlops(name, step.components[name], step.backward_components[name])
                           for name in COMPONENTS if step.components.get(name)),
        approximation_6nd=totals.six_n_d, approximation_palm=totals.palm, known=_certainties(model, load.media),
        costs=totals)


def _certainties(model: Model, media: Media) -> dict[str, Certainty]:
    """How each figure is known; of a checkpoint's header only the weights' part is counted, and a decoded token runs
    through no tower."""
    counted = flops_certainty(model)
    return (dict.fromkeys(COUNTED, least(counted, tower_certainty(model.spec, media)))
            | dict.fromkeys(RULES_OF_THUMB, of_model(model.spec, at_best="estimate")) | {"decode_token": counted})


def _assumptions(counted: Costs, tree: Node, no_tokens: str) -> dict[str, object]:
    load = counted.load
    return {
        "multiply_add": 2, "convention": load.convention, "batch": load.batch, "seq": load.seq, "past": load.past,
        "head": load.head, "recompute": counted.recompute,
        "prefill": "logits of the last position of each sequence",
        "decode_token": f"what one more token would cost, though the model gives none: {no_tokens}" if no_tokens else
                        f"one token of one sequence after {counted.past:,}, as runtimes compute it: latent attention "
                        "absorbed, only the keys the query may see",
        "left_out": "elementwise operations: norms, activations, softmax, rotary, the recurrences of scans",
        **load.media.summary(), **({"full": MASKED} if masks(tree, load) else {}),
    }
