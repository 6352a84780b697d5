"""What delta-rule attention keeps for backward: a prompt by blocks, written out in torch or in one kernel.

Read off transformers' `torch_chunk_gated_delta_rule` and `chunk_kimi_delta_attention`, and for kernels off
`ChunkGatedDeltaRuleFunction` and `ChunkKDAFunction` of flash-linear-attention, which keep their arguments normed, the
decays summed and a triangle or two of each block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.activations.scans import FLOAT, ScanTape
from paramcalc.activations.tape import Value
from paramcalc.axes import axis

if TYPE_CHECKING:
    from paramcalc.activations.forward import Forward
    from paramcalc.activations.saved import SavedActivation
    from paramcalc.axes import Axis
    from paramcalc.components.delta_rule import GatedDelta, KimiDelta

HEADS = ("heads",)
WIDE = ("heads", "head_dim")


def gated_delta(part: GatedDelta, run: Forward) -> list[SavedActivation]:
    """Input, convolution, decay and strength, the rule, a gated norm, output."""
    t = ScanTape(run, part.kind, part.block_size)
    _gated_delta(t, part, part.width(run.context))
    return t.saved


def _gated_delta(t: ScanTape, part: GatedDelta, width: int) -> None:
    """Input, convolution, decay and strength, the rule, a gated norm, output."""
    heads, keys, values = part.value_heads, part.key_heads * part.key_dim, part.value_heads * part.value_dim
    source = t.stream(width)
    for name, out, named in part.projections():
        t.linear(source, out, named, weight=name)
    joint = part.joined()
    convolved = t.convolve(t.new((2 * keys + values,), (joint,)), 2 * keys + values, joint, part.conv_kernel)
    t.keep(t.new((heads,), HEADS), "strength")
    t.decay((heads,), HEADS)
    for name in ("softplus input", "softplus"):
        t.keep(t.new((heads,), HEADS, dtype=FLOAT), name)
    if t.fused:
        _kernel(t, part)
    else:
        _rule(t, part, convolved)
    _gated_norm(t, part)
    t.linear(t.new((values,), (axis("heads", heads, part.value_dim),)), width, "hidden", "output", "out_proj")


def _kernel(t: ScanTape, part: GatedDelta) -> None:
    """q and k normed with their norms, v, the decays summed, and of each token its row of a block's triangle."""
    for name in ("q", "k"):
        t.keep(t.new((part.key_heads, part.key_dim), WIDE), name)
        t.keep(t.new((part.key_heads,), HEADS, dtype=FLOAT), f"{name} norm")
    t.keep(t.new((part.value_heads, part.value_dim), WIDE), "v")
    t.keep(t.new((part.value_heads,), HEADS, dtype=FLOAT), "decays summed")
    t.keep(t.new((part.value_heads, part.block_size), ("heads", "block")), "triangle")


def _rule(t: ScanTape, part: GatedDelta, convolved: Value) -> None:
    heads, key, value = part.value_heads, part.key_dim, part.value_dim
    repeated = part.key_heads != heads
    normed_keys(t, None if repeated else convolved, heads, key)
    t.blocks("strength padded", (heads,))
    t.blocks("v", (heads, value))
    t.blocks("k", (heads, key))
    t.masks("mask")
    t.blocks("decays", (heads,), "block_pair")
    for name in ("k·k", "q·k", "system"):
        t.blocks(name, (heads,), "block_pair")
    for name in ("k by strength", "q"):
        t.blocks(name, (heads, key))
    t.blocks("decay of k", (heads,))
    t.blocks("new values", (heads, value))
    t.blocks("k decayed and solved", (heads, key))
    for name in ("decay of q", "decay to the end"):
        t.blocks(name, (heads,))
    t.blocks("decay of a block", (heads,), "block")
    _over_blocks(t, heads, key, value)


def normed_keys(t: ScanTape, convolved: Value | None, heads: int, key: int) -> None:
    """q and k in float32 and their inverse norms; `convolved` where they can stay views of it."""
    for name in ("q", "k"):
        own = t.new((heads, key), WIDE, dtype=FLOAT)
        t.keep(own if convolved is None else t.part(convolved, (heads, key), WIDE, FLOAT), f"{name} before its norm")
        t.keep(t.new((heads,), HEADS, dtype=FLOAT), f"{name} norm")


def _over_blocks(t: ScanTape, heads: int, key: int, value: int) -> None:
    """The state before each block, its corrected values, and what is multiplied with them; the first state is zero, so
    that q is wide_copy for later ones alone."""
    t.blocks("states", (heads, key, value), "block")
    t.blocks("values corrected", (heads, value))
    t.blocks("weights", (heads,), "block_pair")
    t.blocks("k to the end", (heads, key))
    t.blocks("q decayed", (heads, key), blocks="several")


def _gated_norm(t: ScanTape, part: GatedDelta) -> None:
    """A norm of each head, scaled in the model's type, and the SiLU of the gate in float32."""
    heads, size = part.value_heads, part.value_dim
    vectors = t.new((heads, size), WIDE)
    joint = part.layout == "qkvz" and heads == part.key_heads  # the gate is a view of it
    gate = t.new((2 * heads * (part.key_dim + size),), (part.joined(2),)) if joint else t.like(vectors)
    wide_copy = t.to(vectors, FLOAT)
    t.keep(wide_copy, "norm input")
    t.keep(t.new((heads, 1), ("heads", "one"), dtype=FLOAT), "norm scale")
    t.keep(t.like(vectors), "normalized")
    t.keep(t.like(vectors), "scaled")
    t.keep(t.part(gate, (heads, size), WIDE, FLOAT), "gate input")
    t.keep(t.like(vectors, FLOAT), "gate")


def kimi_delta(part: KimiDelta, run: Forward) -> list[SavedActivation]:
    """As the gated delta rule, with a decay and an output gate of each channel."""
    t = ScanTape(run, part.kind, part.block_size)
    _kimi_delta(t, part, part.width(run.context))
    return t.saved


def _kimi_delta(t: ScanTape, part: KimiDelta, width: int) -> None:
    """As the gated delta rule, with a decay and an output gate of each channel, through matrices of a rank or full."""
    heads, dim = part.num_heads, part.head_dim
    inner, heads_axis = heads * dim, axis("heads", heads, dim)
    source = t.stream(width)
    for name in ("q_proj", "k_proj", "v_proj"):
        t.linear(source, inner, heads_axis, weight=name)
    t.linear(source, heads, "heads", weight="b_proj")
    three = axis("heads", heads, 3 * dim)
    t.convolve(t.new((3 * inner,), (three,)), 3 * inner, three, part.conv_kernel)
    _kimi_gate(t, part, source, "f", "decay's latent")
    _kimi_decay(t, part, heads_axis)
    t.keep(t.new((heads,), HEADS), "strength")
    if t.fused:
        _kimi_kernel(t, part)
    else:
        normed_keys(t, None, heads, dim)
        _kimi_within(t, heads, dim)
        _kimi_over_blocks(t, heads, dim)
    _kimi_gate(t, part, source, "g", "gate's latent")
    for name in ("norm input", "normalized", "scaled", "gate"):
        t.keep(t.new((inner,), (heads_axis,), dtype=FLOAT), name)
    t.keep(t.new((heads,), HEADS, dtype=FLOAT), "norm scale")
    if t.narrow:
        t.keep(t.new((dim,), ("head_dim",), "once", FLOAT), "norm weight")
    t.linear(t.new((inner,), (heads_axis,)), width, "hidden", "output", "o_proj")


def _kimi_gate(t: ScanTape, part: KimiDelta, source: Value, name: str, latent: str) -> None:
    """Two matrices through a rank, or a full one."""
    inner, heads_axis = part.num_heads * part.head_dim, axis("heads", part.num_heads, part.head_dim)
    if part.gate_rank is None:
        t.linear(source, inner, heads_axis, weight=f"{name}_proj")
    else:
        low = t.linear(source, part.gate_rank, "latent", weight=f"{name}_a_proj")
        t.linear(low, inner, heads_axis, latent, f"{name}_b_proj")


def _kimi_decay(t: ScanTape, part: KimiDelta, heads_axis: Axis) -> None:
    """Of a low-rank decay a softplus written out; of a full one torch's softplus, or a sigmoid where it is bounded."""
    heads, inner = part.num_heads, part.num_heads * part.head_dim
    if part.gate_rank:
        t.decay((heads,), HEADS)
        t.keep(t.new((inner,), (heads_axis,), dtype="bool"), "large")
    for name in ("exp", "one more", "softplus") if part.gate_rank else ("decay input", "decay made"):
        t.keep(t.new((inner,), (heads_axis,), dtype=FLOAT), name)
    for name in () if part.gate_rank else ("exp A",) if t.facts.bounded_decay else ("exp A", "A"):
        t.keep(t.new((heads,), HEADS, "once"), name)


def _kimi_kernel(t: ScanTape, part: KimiDelta) -> None:
    """q and k normed with their norms, v, the decays and their sums, and rows of the triangles q·k and k·k."""
    size = (part.num_heads, part.head_dim)
    for name in ("q", "k"):
        t.keep(t.new(size, WIDE), name)
        t.keep(t.new((part.num_heads,), HEADS, dtype=FLOAT), f"{name} norm")
        t.keep(t.new((part.num_heads, part.block_size), ("heads", "block")), f"triangle of {name}")
    t.keep(t.new(size, WIDE), "v")
    t.keep(t.new(size, WIDE, dtype=FLOAT), "decays summed")
    t.keep(t.new(size, WIDE, dtype=FLOAT if part.gate_rank else None), "decays")


def _kimi_within(t: ScanTape, heads: int, dim: int) -> None:
    """Decays of each pair and channel, and the triangular system solved row by row, each by those above it."""
    t.blocks("strength padded", (heads,))
    t.masks("strict mask", "mask", "mask of weights")
    for name in ("v", "k", "k by strength", "v by strength", "decays summed", "k decayed"):
        t.blocks(name, (heads, dim))
    for name in ("decays", "k·k by channel"):
        t.blocks(name, (heads, dim), "block_pair")
    size = t.block
    t.blocks("rows", (heads, size * (size - 1) // 2), "block")
    t.blocks("rows above", (heads, (size - 1) * size * (2 * size - 1) // 6), "block")
    t.blocks("system solved", (heads,), "block_pair")


def _kimi_over_blocks(t: ScanTape, heads: int, dim: int) -> None:
    """Block by block the state before it, q and k decayed, and the weights, first by channel."""
    t.blocks("states", (heads, dim, dim), "block")
    for name in ("decay of q", "q", "values corrected", "decay to the end", "k to the end"):
        t.blocks(name, (heads, dim))
    t.blocks("q·k by channel", (heads, dim), "block_pair")
    t.blocks("weights", (heads,), "block_pair")
    t.blocks("decay of a block", (heads, dim), "block")
    t.blocks("q of later blocks", (heads, t.block, dim), "block", "several", more=-1)
    t.blocks("k decayed and solved", (heads, dim), blocks="several")
