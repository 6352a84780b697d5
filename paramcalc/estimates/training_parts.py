"""What training holds, in bytes: on a device at one moment, undivided, and divided among ranks."""

from __future__ import annotations

from typing import NamedTuple

PARTS = ("weights", "gradients", "optimizer", "master_weights", "activations", "logits", "communication", "working",
         "other_models")
"""Everything a device holds, in the order it is shown; the names of `Device`'s fields."""


class Device(NamedTuple):
    """Bytes on each device of one stage, at one moment of a step."""

    stage: int
    weights: int
    gradients: int
    optimizer: int
    master_weights: int
    activations: int
    logits: int
    communication: int
    """Weights gathered from other devices: an estimate."""
    working: int = 0
    """What lives for a moment, an estimate: gradients of the loss, a layer computed again, gradients that are not yet
    divided."""
    moment: str = ""
    other_models: int = 0
    """Models that a method has beside the one it trains: a reference, a reward model, a critic with its states."""

    @property
    def total(self) -> int:
        """Bytes of everything that is held at once."""
        return (self.weights + self.gradients + self.optimizer + self.master_weights + self.activations + self.logits
                + self.communication + self.working + self.other_models)


class Whole(NamedTuple):
    """Bytes of what ZeRO divides while it is not divided: weights in the type of products, and gradients in that type.
    """

    layer: int = 0
    """Of the largest layer."""
    layer_gradients: int = 0
    table: int = 0
    """Of the largest of what stands beside the layers: the embedding or the head."""
    table_gradients: int = 0
    stage: int = 0
    """Of all of a stage."""
    accumulated: int = 0
    """Gradients of a stage in the type they are added up in."""


class Gathered(NamedTuple):
    """Bytes that ZeRO would divide and that are whole for a while, at the moments of a step."""

    at_loss: int = 0
    """Weights."""
    in_layer: int = 0
    at_end: int = 0
    waiting: int = 0
    """Gradients that wait undivided for the last micro-batch."""
    layer_gradients: int = 0
    last_gradients: int = 0
    """Those made last, of what stands beside the layers."""


class States(NamedTuple):
    """Bytes of one rank's tensors before ZeRO divides them, dense ones or experts."""

    weights: int = 0
    gradients: int = 0
    optimizer: int = 0
    master: int = 0

    def divided(self, zero: int, ways: int) -> States:
        """What is left on one rank."""
        cut = (zero >= 3, zero >= 2, zero >= 1, zero >= 1)
        return States(*(-(-size // ways) if divide else size for size, divide in zip(self, cut, strict=True)))
