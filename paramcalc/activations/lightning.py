"""What lightning attention keeps for backward, block by block."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.activations.scans import ScanTape
from paramcalc.activations.tape import Value
from paramcalc.axes import axis

if TYPE_CHECKING:
    from paramcalc.activations.forward import Forward
    from paramcalc.activations.saved import SavedActivation
    from paramcalc.components.lightning import LightningAttention


def lightning_attention(part: LightningAttention, run: Forward) -> list[SavedActivation]:
    """Input, q, k and v, block by block what is multiplied, norm, gate, output: no kernel does it."""
    t, width = ScanTape(run, part.kind, part.block_size), part.width(run.context)
    inner = part.num_heads * part.head_dim
    heads_axis = axis("heads", part.num_heads, part.head_dim)
    source = t.stream(width)
    joint = t.linear(source, 3 * inner, axis("heads", part.num_heads, 3 * part.head_dim), weight="qkv_proj")
    t.linear(source, inner, heads_axis, weight="output_gate")
    opened = t.activation(joint, t.like(joint), gated=True)
    if run.policy.batch == 1:
        t.keep(opened, "q, k and v")
    for name in ("q", "k", "v", "v of the state") if run.policy.batch > 1 else ():
        t.keep(t.new((inner,), (heads_axis,)), name)
    _over_blocks(part, t, inner)
    normed = t.norm(t.new((inner,), (heads_axis,)), "rmsnorm")
    opened = t.multiply(t.like(normed), normed, ("gate", "normed"))
    t.linear(opened, width, "hidden", "output", "out_proj")
    return t.saved


def _over_blocks(part: LightningAttention, t: ScanTape, inner: int) -> None:
    """Weights within a block, decayed k, the state before each; decayed q where that is not zero."""
    heads, dim, size = part.num_heads, part.head_dim, part.block_size
    heads_axis = (axis("heads", heads, dim),)
    t.keep(Value((heads,), ("heads",), "block_pair", block=size, padded=False), "weights")
    t.keep(t.new((inner,), heads_axis), "decayed k")
    t.keep(Value((heads, dim, dim), ("heads", "head_dim", "state"), "block", block=size), "states")
    t.keep(Value((inner,), heads_axis, block=size, blocks="several", more=-size), "decayed q")
    t.keep(Value((heads,), ("heads",), "block", block=size, more=-1), "decay of a block")
