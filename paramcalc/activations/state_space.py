"""What selective state spaces keep for backward: the scan of Mamba token by token, that of Mamba-2 by blocks.

Read off transformers' `mamba_selective_scan` and `mamba2_chunk_scan`, and for kernels off `MambaInnerFn`,
`SelectiveScanFn` and `MambaSplitConv1dScanCombinedFn` of mamba_ssm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.activations.scans import FLOAT, ScanTape
from paramcalc.activations.tape import Value
from paramcalc.axes import axis

if TYPE_CHECKING:
    from paramcalc.activations.forward import Forward
    from paramcalc.activations.saved import SavedActivation
    from paramcalc.components.mamba import Mamba, Mamba2

SCAN_BLOCK = 2048
"""Tokens after which the kernel of Mamba's scan keeps the state."""
INNER, STATE = ("inner",), ("inner", "state")


def mamba(part: Mamba, run: Forward) -> list[SavedActivation]:
    """Input, convolution, selection, scan, output; of the fused kernel what `MambaInnerFn` saves."""
    t = ScanTape(run, part.kind)
    _mamba(t, part, part.width(run.context))
    return t.saved


def _mamba(t: ScanTape, part: Mamba, width: int) -> None:
    """Mamba-1: input, convolution, selection, scan, output."""
    inner, state, rank, heads = part.inner_size, part.state_size, part.dt_rank, part.heads
    normed = part.dt_norms or t.facts.selection_norms
    joint = t.linear(t.stream(width), 2 * inner + part.beside, part.joined(), weight="in_proj")
    t.decay((inner, state), STATE)
    if t.fused and heads == 1 and not part.dt_norms:
        _inner_kernel(t, part)
        return
    convolved = t.convolve(joint if heads == 1 else t.new((inner,), INNER), inner, "inner", part.conv_kernel)
    t.keep(convolved, "convolved")
    if t.policy.batch > 1:
        _copied_by_products(t, part, convolved)
    projection = t.new((heads, rank + 2 * state), ("one", "dt"))
    steps, b, c = projection, projection, projection
    if normed:
        steps, b, c = (t.norm(t.new((size,), (name,)), "rmsnorm", scale=part.dt_norms)
                       for size, name in ((rank, "dt"), (state, "state"), (state, "state")))
    t.keep(steps, "dt")
    if t.fused:
        _scan_kernel(t, part, convolved, projection)
        return
    t.keep(c, "C")
    _scan_written(t, part, convolved, b)
    opened = t.multiply(t.new((inner,), INNER, dtype=FLOAT), t.new((inner,), INNER), ("scan output", "gate"))
    t.keep(joint, "gate input")
    t.linear(t.new(opened.shape, INNER), width, "hidden", "output", "out_proj")


def _copied_by_products(t: ScanTape, part: Mamba, convolved: Value) -> None:
    """Several sequences: the selection's input is laid out anew, and weights of several heads once for each."""
    t.keep(t.like(convolved), "selection input")
    if part.heads > 1:
        chosen, inner = part.dt_rank + 2 * part.state_size, part.inner_size
        t.keep(t.new((chosen, inner), ("dt", "inner"), "sequence"), "selection weights")
        t.keep(t.new((part.dt_rank, inner), ("dt", "inner"), "sequence"), "dt weights")


def _scan_written(t: ScanTape, part: Mamba, convolved: Value, b: Value) -> None:
    """A loop over tokens: decays and inputs of every token at once, then the state of each, in float32 and as read."""
    inner, state, heads = part.inner_size, part.state_size, part.heads
    step = t.new((inner,), INNER)
    t.keep(t.like(step), "softplus input")
    t.keep(step, "step")
    t.keep(t.part(b, (heads, state), ("one", "state"), FLOAT), "B")
    t.keep(t.to(convolved, FLOAT), "scan input")
    for name in ("decays", "discrete B"):
        t.keep(t.new((inner, state), STATE, dtype=FLOAT), name)
    t.keep(t.new((inner, state), STATE, "sequence"), "first state")
    read = t.new((inner, state), STATE)
    t.keep(read, "states read")
    if t.narrow:
        t.keep(Value((inner, state), STATE, dtype=FLOAT, more=-1), "states")
        t.keep(t.new((inner,), INNER, "once", FLOAT), "D")


def _inner_kernel(t: ScanTape, part: Mamba) -> None:
    """`MambaInnerFn`: the projection laid out by channels, what selects, states between blocks, and the output."""
    t.keep(t.new((2 * part.inner_size,), (axis("inner", part.inner_size, 2),)), "projected")
    t.keep(t.new((part.dt_rank + 2 * part.state_size,), ("dt",)), "dt, B and C")
    _between(t, part)


def _scan_kernel(t: ScanTape, part: Mamba, convolved: Value, chosen: Value) -> None:
    """`SelectiveScanFn`: everything it reads, laid out by channels, and its output before and after the gate."""
    names = ("step", "gate") if part.heads > 1 else ("step", "gate", "scan input")
    for name in names:
        t.keep(t.new((part.inner_size,), INNER), name)
    t.keep(t.new((part.inner_size,), INNER), "output")
    _between(t, part, copied=part.heads == 1)


def _between(t: ScanTape, part: Mamba, *, copied: bool = True) -> None:
    """B and C as the kernel reads them, states between blocks, the scan's output."""
    for name in ("B", "C") if copied else ():
        t.keep(t.new((part.state_size,), ("state",)), name)
    t.keep(Value((part.inner_size, 2 * part.state_size), STATE, "block", FLOAT, block=SCAN_BLOCK), "states")
    t.keep(t.new((part.inner_size,), INNER), "scan output")
    if t.narrow:
        for name in ("D", "dt bias"):
            t.keep(t.new((part.inner_size,), INNER, "once", FLOAT), name)


def mamba2(part: Mamba2, run: Forward) -> list[SavedActivation]:
    """Input, convolution, the scan by blocks, gate and norm, output."""
    t = ScanTape(run, part.kind, part.block_size)
    _mamba2(t, part, part.width(run.context))
    return t.saved


def _mamba2(t: ScanTape, part: Mamba2, width: int) -> None:
    """Mamba-2: input, convolution, the scan by blocks, gate and norm, output."""
    heads, dim, inner = part.num_heads, part.head_dim, part.num_heads * part.head_dim
    heads_axis = axis("heads", heads, dim)
    joint = t.linear(t.stream(width), inner + part.channels() + heads, part.joined(), weight="in_proj")
    t.decay((heads,), ("heads",))
    if t.fused:
        _split_kernel(t, part, joint)
        return
    convolved = t.convolve(joint, part.channels(), part.channel_axis(), part.conv_kernel)
    _discretized(t, part, convolved)
    _within(t, part)
    _across(t, part)
    _gated(t, part, joint)
    t.linear(t.new((inner,), (heads_axis,)), width, "hidden", "output", "out_proj")


def _split_kernel(t: ScanTape, part: Mamba2, joint: Value) -> None:
    """`MambaSplitConv1dScanCombinedFn`: the projection, the scan's output, and the norm's statistics."""
    t.keep(joint, "projected")
    t.keep(t.new((part.num_heads, part.head_dim), ("heads", "head_dim")), "scan output")
    if part.gated_norm:
        t.keep(t.new((part.groups,), ("groups",), dtype=FLOAT), "norm scale")


def _discretized(t: ScanTape, part: Mamba2, convolved: Value) -> None:
    """dt before and after its softplus, copied in float32 for x and for A; the padded x for the skip connection."""
    heads, dim = part.num_heads, part.head_dim
    step = t.new((heads,), ("heads",))
    t.keep(t.like(step), "softplus input")
    t.keep(t.like(step), "clamp input")
    for name in ("step of x", "step of A"):
        t.keep(t.to(step, FLOAT), name)
    t.blocks("skip", (heads, dim))
    t.keep(t.part(convolved, (heads, dim), ("heads", "head_dim"), FLOAT), "x")


def _within(t: ScanTape, part: Mamba2) -> None:
    """Decays within a block, C·B and their product, and each block's own state."""
    heads, dim, state = part.num_heads, part.head_dim, part.state_size
    t.masks("mask of sums", "mask of decays")
    for name in ("decays", "C·B", "weights"):
        t.blocks(name, (heads,), "block_pair")
    t.blocks("C", (heads, state))
    t.blocks("B", (heads, state))
    t.blocks("discrete x", (heads, dim))
    t.blocks("decay to the end", (heads,))
    t.blocks("B decayed", (heads, state), blocks=t.copied)
    t.blocks("B multiplied", (heads, state))
    t.blocks("discrete x laid out", (heads, dim), blocks="several")


def _across(t: ScanTape, part: Mamba2) -> None:
    """Decays between blocks, the states before and after them, and what the states give."""
    heads, dim, state = part.num_heads, part.head_dim, part.state_size
    for name in ("mask of sums between", "mask of decays between"):
        t.keep(Value((1,), ("one",), "position_square", "bool", block=t.block), name)
    t.blocks("decays between", (heads,), "block_square")
    t.blocks("states", (heads, dim, state), "block", more=1)
    t.blocks("decay from the start", (heads,))
    t.blocks("C laid out", (heads, state), blocks=t.copied)
    t.blocks("states at starts", (heads, dim, state), "block", "several")
    t.blocks("states before and after", (heads, dim, state), "block", "one", more=1)
    t.blocks("output of states", (heads, dim))


def _gated(t: ScanTape, part: Mamba2, joint: Value) -> None:
    """The gate's SiLU and, in float32 as the scan gives, a norm over each group before or after it."""
    inner = part.num_heads * part.head_dim
    heads_axis = (axis("heads", part.num_heads, part.head_dim),)
    t.blocks("scan output", (part.num_heads, part.head_dim))
    if not part.gated_norm:
        t.multiply(joint, t.new((inner,), heads_axis), ("gate input", "gate"))
        return
    t.keep(t.part(joint, (inner,), heads_axis, FLOAT), "gate input")
    for name in ("gate", "gated or normalized", "scaled"):
        t.keep(t.new((inner,), heads_axis, dtype=FLOAT), name)
    t.keep(t.new((part.groups,), ("groups",), dtype=FLOAT), "norm scale")
