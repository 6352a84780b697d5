"""The fields of a layer: what a model, a tower and a named block of layers say alike."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from paramcalc.components import AnyComponent, component_class
from paramcalc.components.attention import Gate, QKNorm
from paramcalc.components.base import Component, Parsed, Size, Strict
from paramcalc.components.norm import NormKind


def _mixture(value: object) -> Component:
    """A mixture of experts, whose class is loaded when there is one."""
    mixture = component_class("moe")
    return value if isinstance(value, mixture) else mixture.model_validate(value)


Placement = Literal["pre", "post", "sandwich", "parallel", "parallel_norms", "ffn", "none"]


class LayerFields(Strict):
    """What describes a layer in the short form. For the whole model they hold for blocks that say nothing else."""

    num_heads: Size | None = None
    num_kv_heads: Size | None = None
    """As many as heads when not given."""
    head_dim: Size | None = None
    """hidden_size / num_heads when not given."""
    qkv_bias: bool | None = None
    o_bias: bool | None = None
    qk_norm: QKNorm | None = None
    qk_norm_bias: bool | None = None
    output_gate: Gate | None = None
    sinks: bool | None = None
    window: Annotated[int, Field(ge=1, le=2**30)] | None = None
    """Tokens a query can see."""
    chunk: Annotated[int, Field(ge=1, le=2**30)] | None = None
    top_k: Annotated[int, Field(ge=1, le=2**30)] | None = None
    """Keys a query attends to at most, where an indexer chooses them."""
    causal: bool | None = None
    """False where a token also sees those after it; a window then counts both sides and the token itself."""
    fused_qkv: bool | None = None
    intermediate_size: Size | None = None
    ffn_ratio: Annotated[float, Field(gt=0, le=1024)] | None = None
    """intermediate_size / hidden_size; must give an integer unless `multiple_of` rounds it up."""
    multiple_of: Size | None = None
    gated: bool | None = None
    """Feed-forwards are gated unless said otherwise."""
    mlp_bias: bool | None = None
    fused_gate_up: bool | None = None
    transposed: bool | None = None
    """Weights are stored `(in, out)`."""
    norm: NormKind | None = None
    norm_bias: bool | None = None
    norm_scale: bool | None = None
    norm_placement: Placement | None = None
    """pre: before attention and feed-forward; post: after each; sandwich: both; parallel: one before both at once;
    parallel_norms: both at once, a norm before each; ffn: before the feed-forward only."""
    moe: Annotated[Component, Parsed(_mixture, {"$ref": "#/$defs/MixtureOfExperts"})] | None = None
    mixer: AnyComponent | None = None
    """What mixes tokens, where it is not plain attention."""
    ffn: AnyComponent | Literal["none"] | None = None
    """What follows it, where it is not said by the fields above; `none` where nothing does."""
    beside: dict[str, AnyComponent] | None = None
    """Further parts of the layer, by their place in it: `{self_attn.indexer: {kind: indexer, ...}}`."""


class Block(LayerFields):
    """A named layer: short fields that differ from the model's, or every part by its place in the checkpoint."""

    parts: dict[str, AnyComponent] | None = None
