"""What RWKV-4's two mixes keep for backward."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.activations.scans import FLOAT, ScanTape

if TYPE_CHECKING:
    from paramcalc.activations.forward import Forward
    from paramcalc.activations.saved import SavedActivation
    from paramcalc.components.rwkv import ChannelMix, TimeMix


def rwkv_time_mix(part: TimeMix, run: Forward) -> list[SavedActivation]:
    """Mixed inputs, then token by token twelve values a channel of the recurrence (`rwkv_linear_attention_cpu`), or
    key, value and output of the kernel (`RwkvLinearAttention`); receptance, output."""
    t, width = ScanTape(run, part.kind), part.width(run.context)
    size = (part.attention_size or width,)
    _mixed(t, width, dict.fromkeys(("key", "value", "receptance"), (size[0], "inner")))
    t.keep(t.new(size, ("inner",), "once", FLOAT if t.fused else None), "exp decay")
    t.keep(t.new(size, ("inner",)), "value")
    if t.fused:
        t.keep(t.new(size, ("inner",), "once", FLOAT), "decay")
        t.keep(t.new(size, ("inner",)), "key")
    else:
        t.keep(t.new((12, *size), ("one", "inner"), dtype=FLOAT), "recurrence")
    x = t.multiply(t.new(size, ("inner",)), t.new(size, ("inner",)), ("receptance", "weighted mean"))
    t.linear(x, width, "hidden", "output", "output")
    return t.saved


def rwkv_channel_mix(part: ChannelMix, run: Forward) -> list[SavedActivation]:
    """Mixed inputs, the key's relu and its square, receptance and value."""
    t, width = ScanTape(run, part.kind, component="ffn"), part.width(run.context)
    _mixed(t, width, {"key": (part.intermediate_size, "ffn"), "receptance": (width, "out")})
    t.keep(t.new((part.intermediate_size,), ("ffn",)), "relu")
    out = t.linear(t.new((part.intermediate_size,), ("ffn",)), width, "hidden", "value input", "value")
    t.multiply(t.new((width,), ("hidden",)), out, ("receptance", "value"))
    return t.saved


def _mixed(t: ScanTape, width: int, outputs: dict[str, tuple[int, str]]) -> None:
    """This token and the one before, one less each share, and what the projections read; of each projection its outputs
    and their axis."""
    t.keep(t.stream(width), "input")
    t.keep(t.new((width,), ("hidden",)), "shifted input")
    for name, (size, axis) in outputs.items():
        t.keep(t.new((width,), ("hidden",), "once"), f"rest of {name}")
        t.linear(t.new((width,), ("hidden",)), size, axis, f"{name} input", name)
