"""The leaf of this package: a tensor the forward pass keeps for the backward pass."""

from __future__ import annotations

from typing import Literal, NamedTuple

from paramcalc.tree import Per

SavedPer = Per | Literal["block", "position", "position_pair", "position_source", "position_square", "once"]
"""What a saved tensor has one of: as `Per`; a block; a position, a pair of positions or of block boundaries whatever
the batch; or one in all."""
Blocks = Literal["any", "one", "several"]
"""How many blocks a sequence has where a tensor is kept."""
Operation = Literal["product", "attention"]
"""What makes a tensor that is kept where a layer is computed again operation by operation."""


class SavedActivation(NamedTuple):
    """`prod(shape)` values for each `per`, kept until the backward pass reads them."""

    name: str
    shape: tuple[int, ...]
    axes: tuple[str, ...]
    component: str
    per: SavedPer = "token"
    dtype: str | None = None
    """Held in this type whatever the computation's; None follows the computation."""
    used: int = 1
    shared: str = ""
    """Whose storage it is: its own (empty), `input` for what the component reads, or the name of a storage that all
    components of the model share (rotary tables, the encoder's output)."""
    op: Literal["", Operation] = ""
    """Of a layer computed again operation by operation, what it is the result of."""
    argument: bool = False
    """Handed to the layer from outside, so that checkpointing the layer keeps it too."""
    loss: bool = False
    """Kept by the loss, not by the model."""
    split: int = 1
    """Devices that hold an equal part of the tokens each (sequence parallelism)."""
    block: int = 1
    """Tokens of one block, for what is counted by blocks."""
    more: int = 0
    """Beyond what there is one of in a sequence: the padding of a convolution; negative where the last has none."""
    blocks: Blocks = "any"
    """Kept only where a sequence is one block, or only where it is several."""
    padded: bool = True
    """The last block is filled up."""
