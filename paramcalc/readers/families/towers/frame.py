"""What holds the parts of a tower: the layer most of them share, stacks of layers, and the tower itself."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from paramcalc.component_names import TowerName
from paramcalc.components.attention import QKVO, Attention, Projection, QKNorm
from paramcalc.components.base import Parts
from paramcalc.components.ffn import FeedForward
from paramcalc.components.layout import Repeat, roll
from paramcalc.components.norm import Norm, NormKind
from paramcalc.components.stack import Stack
from paramcalc.readers.families.spellings import FC
from paramcalc.readers.families.towers.geometry import heads
from paramcalc.readers.families.towers.parts import scale
from paramcalc.spec.layer import Block
from paramcalc.spec.tower import Tower

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from paramcalc.components.base import Component
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.tower import Stream



def under(at: str, parts: Parts) -> Parts:
    """The same parts, standing at `at`."""
    return {f"{at}.{key}" if key else at: part for key, part in parts.items()}


def fewer(parts: Parts, every: int) -> Parts:
    """Parts behind what makes one position of so many."""
    return {key: part.model_copy(update={"every": every}) for key, part in parts.items()}


def layers(count: int, name: str = "layer") -> Stack:
    """Equal layers."""
    return Stack(of=(Repeat(repeat=count, of=(name,)),))


def mixed(names: Sequence[str]) -> Stack:
    """Layers of several kinds, in order."""
    return Stack(of=tuple(roll(names)))


def tower(component: TowerName | None, width: int, modules: Mapping[str, Component],
          blocks: Mapping[str, Parts] | None = None, at: str = "", stream: Stream | None = None) -> Tower:
    """A tower whose modules stand at `at`."""
    front = f"{at}." if at else ""
    return Tower(
        component=component, hidden_size=width, stream=stream or ("audio" if component == "audio" else "image"),
        modules={(front + key).rstrip("."): part for key, part in modules.items()},
        blocks={name: Block(parts=parts) for name, parts in (blocks or {}).items()})


def projector(modules: Parts, width: int, stream: Stream = "image_tokens") -> Tower:
    """What leads from a tower into the text model."""
    return tower("projector", width, modules, stream=stream)


@dataclass(frozen=True)
class Layer:
    """How a transformer layer of a tower is spelled and built; as CLIP's where nothing is said.

    Called with width, heads and inner width it gives the parts of one layer.
    """

    norm1: str = "layer_norm1"
    attention: str = "self_attn"
    norm2: str = "layer_norm2"
    mlp: str = "mlp"
    scale1: str = ""
    """A learned scale on what attention gives."""
    scale2: str = ""
    names: dict[str, str] = field(default_factory=lambda: {"o_proj": "out_proj", **FC})
    norm: NormKind = "layernorm"
    norm_bias: bool | None = None
    bias: tuple[Projection, ...] = QKVO
    mlp_bias: bool = True
    down_bias: bool | None = None
    gated: bool = False
    fused: Literal["none", "qkv"] = "none"
    fused_gate: bool = False
    qk_norm: QKNorm = "none"
    qk_norm_bias: bool = False
    head_dim: int | None = None
    kv_heads: int | None = None
    window: int | None = None
    causal: bool = False

    def __call__(self, width: int, heads: int, inner: int, **changes: Any) -> Parts:  # noqa: ANN401 - its own fields
        """The parts of a layer, in order."""
        if changes:
            return replace(self, **changes)(width, heads, inner)
        parts: Parts = {}
        if self.norm1:
            parts[self.norm1] = self._norm(width)
        parts[self.attention] = self.attend(heads)
        if self.scale1:
            parts[self.scale1] = scale(width)
        if self.norm2:
            parts[self.norm2] = self._norm(width)
        if self.mlp:
            parts[self.mlp] = self.feed(inner)
        if self.scale2:
            parts[self.scale2] = scale(width)
        return parts

    def of(self, config: Config, **changes: Any) -> Parts:  # noqa: ANN401 - its own fields
        """The parts of a layer, by the keys most towers have."""
        return self(config.integer("hidden_size"), heads(config), config.integer("intermediate_size"), **changes)

    def crossed(self, width: int, heads: int, inner: int, before: str, attention: str, source: int | None = None,
                cross: Attention | None = None) -> Parts:
        """A decoder's layer: what attends to the encoder, and its norm, follow what attends to what came before."""
        parts: Parts = {}
        shape = replace(self, causal=True)
        for key, part in shape(width, heads, inner).items():
            parts[key] = part
            if key == self.attention:
                parts[before] = self._norm(width)
                parts[attention] = cross or replace(self, causal=False).attend(heads).model_copy(
                    update={"cross": True, "source_size": source})
        return parts

    def attend(self, heads: int) -> Attention:
        """The attention alone."""
        return Attention(num_heads=heads, num_kv_heads=self.kv_heads, head_dim=self.head_dim, bias=self.bias,
                         fused=self.fused, qk_norm=self.qk_norm, qk_norm_bias=self.qk_norm_bias, causal=self.causal,
                         chunk=self.window, names=self.names)

    def feed(self, inner: int) -> FeedForward:
        """The feed-forward alone."""
        return FeedForward(intermediate_size=inner, gated=self.gated, bias=self.mlp_bias, down_bias=self.down_bias,
                           fused=self.fused_gate, names=self.names)

    def _norm(self, width: int) -> Norm:
        return Norm(kind=self.norm, bias=self.norm_bias, hidden_size=width)
