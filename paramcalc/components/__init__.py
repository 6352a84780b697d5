"""One file a kind: each component says in one place what tensors it has, what it keeps and what it computes.

To register a kind, add a line to `KINDS`: the word people write in `kind:`, the module and the class.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any

from pydantic_core import PydanticCustomError

from paramcalc.components.base import Component, Parsed
from paramcalc.components.problems import impossible

if TYPE_CHECKING:
    from collections.abc import Mapping

KINDS: dict[str, tuple[str, str]] = {
    "embedding": ("embedding", "Embedding"),
    "rotary": ("embedding", "Positions"),
    "alibi": ("embedding", "Positions"),
    "sinusoidal": ("embedding", "Positions"),
    "attention": ("attention", "Attention"),
    "differential_attention": ("differential", "DifferentialAttention"),
    "dynamic_mask_attention": ("dynamic_mask", "DynamicMaskAttention"),
    "latent_attention": ("latent_attention", "LatentAttention"),
    "compressed_attention": ("compressed_attention", "CompressedAttention"),
    "convolved_attention": ("convolved_attention", "ConvolvedAttention"),
    "moe_attention": ("moe_attention", "MoeAttention"),
    "hyper_connection": ("hyper_connection", "HyperConnection"),
    "depthwise_conv": ("depthwise_conv", "DepthwiseConv"),
    "indexer": ("indexer", "Indexer"),
    "mamba": ("mamba", "Mamba"),
    "mamba2": ("mamba", "Mamba2"),
    "selective_mamba2": ("mamba", "SelectiveMamba2"),
    "gated_delta": ("delta_rule", "GatedDelta"),
    "kimi_delta": ("delta_rule", "KimiDelta"),
    "short_conv": ("short_conv", "ShortConv"),
    "lightning_attention": ("lightning", "LightningAttention"),
    "rg_lru": ("rg_lru", "RecurrentBlock"),
    "rwkv_time_mix": ("rwkv", "TimeMix"),
    "rwkv_matrix_mix": ("rwkv", "MatrixMix"),
    "rwkv_channel_mix": ("rwkv", "ChannelMix"),
    "mlstm": ("mlstm", "MatrixLstm"),
    "ffn": ("ffn", "FeedForward"),
    "moe": ("moe", "MixtureOfExperts"),
    "retrieved_experts": ("retrieved_experts", "RetrievedExperts"),
    "altup": ("altup", "AltUp"),
    "layers": ("stack", "Stack"),
    "rmsnorm": ("norm", "Norm"),
    "layernorm": ("norm", "Norm"),
    "convolution": ("convolution", "Convolution"),
    "batchnorm": ("convolution", "BatchNorm"),
    "linear": ("linear", "Linear"),
    "head": ("linear", "Head"),
    "parameter": ("linear", "Parameter"),
    "work": ("linear", "Score"),
}


@cache
def component_class(kind: str) -> type[Component]:
    """The class registered for a kind; imported only now, so that a count loads the kinds it needs.

    Raises KeyError for a kind nobody registered.
    """
    module, name = KINDS[kind]
    component: type[Component] = getattr(import_module(f"paramcalc.components.{module}"), name)
    return component


def parse_component(value: Any) -> Component:  # noqa: ANN401 - whatever a document holds
    """A component from a mapping with `kind`. Raises PydanticCustomError for what is none, and ValidationError, whose
    errors keep their place below it."""
    if isinstance(value, Component):
        return value
    if not isinstance(value, dict):
        raise PydanticCustomError("dict_type", "Input should be a valid dictionary")
    kind = value.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        from paramcalc.sanitize import quote

        raise impossible(f"unknown kind {quote(kind)}" if "kind" in value else "a component needs a kind",
                         nearest(str(kind)[:100], KINDS), "kind")
    return component_class(kind).model_validate(value)


def nearest(word: str, choices: Mapping[str, object]) -> str:
    """A hint: the known word that is closest, or all of them."""
    from difflib import get_close_matches

    close = get_close_matches(word, choices, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(choices)}"


AnyComponent = Annotated[Component, Parsed(parse_component, {"x-component": True})]
"""A field that holds any registered kind."""
