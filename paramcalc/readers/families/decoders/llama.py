"""Meta's decoders: Llama 1 to 4, the text model of Llama 3.2 Vision, Code World Model.

Sources: transformers' modeling file of each, and what a row or rule names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.components.attention import Attention
from paramcalc.components.linear import Parameter
from paramcalc.errors import LAYERS
from paramcalc.readers.config.patterns import FULL
from paramcalc.readers.families.decoder import Experts, Row
from paramcalc.readers.families.decoders.shared import first_full, rotary_layers

if TYPE_CHECKING:

    from paramcalc.readers.config.config import Config


def llama4_experts(config: Config) -> list[str]:
    """The layers `moe_layers` names, else every `interleave_moe_layer_step`-th."""
    named = config.listed("moe_layers", int)
    step = config.integer("interleave_moe_layer_step", 1)
    sparse = set(range(step - 1, config.layers, step) if named is None else named)
    return ["moe" if i in sparse else "dense" for i in range(config.layers)]


def llama4_chunks(config: Config) -> list[str]:
    """Layers with rotary positions attend within chunks, those without to everything."""
    return ["chunked" if rotates else FULL for rotates in rotary_layers(config)]


CROSS = "cross"
MORE_ROWS = 8
"""Rows Llama 3.2 Vision's table has for the image token, which the head does not predict."""


def _crossing(config: Config) -> list[str]:
    """`cross` for the layers `cross_attention_layers` names."""
    named = config.listed("cross_attention_layers", int)
    crossing = set(range(3, config.layers, 5) if named is None else named)
    for index, layer in enumerate(named or ()):
        if not 0 <= layer < config.layers:
            raise config.error("cross_attention_layers", f"there is no layer {layer} of {config.layers}", index=index,
                               code=LAYERS)
    return [CROSS if i in crossing else FULL for i in range(config.layers)]


def _cross_attention(config: Config, word: str) -> Attention | None:
    """Attention to the image, in place of attention to the text."""
    if word != CROSS:
        return None
    return Attention(num_heads=config.integer("num_attention_heads"), num_kv_heads=config.kv_heads,
                     head_dim=config.head_dim, qk_norm="head", cross=True, causal=False, path="cross_attn")


def _cross_gates(_: Config, word: str, __: str) -> dict[str, Any]:
    if word != CROSS:
        return {}
    return {"beside": {f"cross_attn_{part}_gate": Parameter(shape=(1,), component="attention")
                       for part in ("attn", "mlp")}}


def _more_rows(config: Config, fields: dict[str, Any]) -> None:
    fields |= {"vocab_size": config.integer("vocab_size") + MORE_ROWS, "head_rows": config.integer("vocab_size")}


ROWS: dict[str, Row] = {
    "llama": Row("attention_bias", "attention_bias", "mlp_bias"),
    "cwm": Row(mlp_bias="mlp_bias", pattern=lambda c: first_full(c, 4)),
    "llama4_text": Row("attention_bias", "attention_bias", pattern=llama4_chunks, size="intermediate_size_mlp",
                       names={"mlp": "feed_forward", "shared_experts": "shared_expert"},
                       experts=Experts(size="intermediate_size", layers=llama4_experts,
                                       shared=lambda c: c.integer("intermediate_size"),
                                       more={"layout": "stacked", "fused": True})),
    "mllama_text_model": Row(mixers=_crossing, mixer=_cross_attention, block=_cross_gates, adjust=_more_rows),
}
