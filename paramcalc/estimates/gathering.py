"""What is whole for a while of the weights and gradients that ZeRO divides.

As torch's `fully_shard` does it where each layer is a group and the rest of the model another (accelerate, torchtune,
torchtitan until 2025; torch/distributed/fsdp/_fully_shard):

- The group of the rest, with the embedding and the head, is never divided again after its forward pass
  (`FSDPState._lazy_init`), and its gradients are reduced last, when backward has ended.
- An all-gather writes into a buffer, which is copied out into the weights (`foreach_all_gather`). The buffers lie in
  the memory pool of a stream of their own, two at a time: that of the next group is filled before the last one is free.
- A reduce-scatter reads a copy of the group's gradients in the type they are added up in (`foreach_reduce`), kept until
  the next group's. What it writes, the divided gradients, lies in the pool of another stream.
- The pool of one stream serves no other (pytorch/pytorch#129721), so that a device has room for the gradients of a step
  and for the buffers at every moment, whether they are filled or not.

Under a pipeline weights stay between micro-batches, and gradients are added up undivided
(`get_fsdp_reshard_after_forward_policy` of torchtitan/distributed/fsdp.py; `FSDPParam.to_accumulated_grad_if_needed`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.estimates.training_parts import Gathered

if TYPE_CHECKING:
    from paramcalc.estimates.training_layout import Layout
    from paramcalc.estimates.training_parts import UndividedStage


def gathered(layout: Layout, undivided: UndividedStage, *, narrower: bool, received: int) -> Gathered:
    """Bytes on a device of a stage. `narrower`: products are computed in fewer bits than weights are kept in;
    `received`: buffers for what the stages beside this one send."""
    if layout.zero < 2 or layout.ways == 1:
        cast = undivided.stage.weights if narrower else 0
        return Gathered(cast, cast, cast)
    several = layout.pp > 1 and layout.micro_batches != 1
    waiting = undivided.stage.reduced if several else 0
    if layout.zero == 2:
        through = (undivided.stage.weights if narrower else 0) + (received if layout.pp > 1 else 0)
        layer, table = (0, 0) if several else (undivided.layer.gradients, undivided.head.gradients)
        return Gathered(through, through, through, 0, 0, waiting, layer, table)
    layer, beside = undivided.layer.weights, undivided.beside.weights
    in_backward = undivided.head.gradients + undivided.layer.gradients + (0 if several else undivided.layer.reduced)
    last = undivided.beside.gradients + (0 if several else undivided.beside.reduced)
    buffers = layer + max(layer, beside)
    if layout.pp > 1:
        through = undivided.stage.weights + received
        return Gathered(through, through, through, buffers, 0, waiting, in_backward, last)
    return Gathered(beside + layer, beside + 2 * layer, beside, buffers, layer, waiting, in_backward, last)
