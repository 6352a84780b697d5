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

    idle: int = 0
    """Of memory pools that collectives alone use: what they have room for and do not hold at this moment. No part of
    the total."""

    @property
    def total(self) -> int:
        """Bytes of everything that is held at once."""
        return (self.weights + self.gradients + self.optimizer + self.master_weights + self.activations + self.logits
                + self.communication + self.working + self.other_models)


class Undivided(NamedTuple):
    """Bytes of a group of tensors before ZeRO divides them."""

    weights: int = 0
    """In the type of products."""
    gradients: int = 0
    """In the type of products, as backward makes them."""
    reduced: int = 0
    """Gradients in the type they are added up in: what a reduce-scatter reads."""


class UndividedStage(NamedTuple):
    """What ZeRO divides of a stage, while it is not divided."""

    layer: Undivided = Undivided()
    """The largest layer."""
    beside: Undivided = Undivided()
    """All that stands beside the layers: the embedding, the last norm and the head."""
    head: Undivided = Undivided()
    """The largest of these."""
    stage: Undivided = Undivided()
    """All of the stage."""


class Gathered(NamedTuple):
    """Bytes that ZeRO would divide and that are whole for a while, at the moments of a step."""

    at_loss: int = 0
    """Weights."""
    in_layer: int = 0
    """With the buffer in which those of the next layer arrive."""
    at_end: int = 0
    buffers: int = 0
    """Of the pool into which weights are gathered, at its most."""
    arriving: int = 0
    """Of these, what is filled while a layer works."""
    waiting: int = 0
    """Gradients that wait undivided for the last micro-batch."""
    layer_gradients: int = 0
    """Those that are whole while a layer works backward."""
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
        is_divided = (zero >= 3, zero >= 2, zero >= 1, zero >= 1)
        return States(*(-(-size // ways) if divide else size for size, divide in zip(self, is_divided, strict=True)))
