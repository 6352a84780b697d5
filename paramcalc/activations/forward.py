"""One component's forward pass while the model is trained: all that decides what it keeps, beside its own fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from paramcalc.activations.class_facts import ClassFacts
    from paramcalc.activations.policy import Policy
    from paramcalc.activations.weights import Weights
    from paramcalc.tree import Context


class UnknownActivationsError(Exception):
    """What a kind of component keeps for backward is not described; its argument is the kind."""


class Forward(NamedTuple):
    """Where the component stands, whose class computes it and how, and which of its weights are trained."""

    context: Context
    policy: Policy
    facts: ClassFacts
    weights: Weights | None = None
    """All weights are trained when not given."""
    layer: bool = False
    """Inside a layer, not beside the stack of layers."""
    rotary: bool = False
    """Queries and keys are rotated."""
    entry: bool = False
    """It reads what the model or a tower is given, which is held anyway."""
