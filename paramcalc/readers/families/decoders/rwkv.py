"""RWKV: time mixing and channel mixing.

Sources: transformers' modeling file of each, and what a row or rule names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.components.norm import Norm
from paramcalc.components.rwkv import ChannelMix, TimeMix
from paramcalc.readers.families.decoder import Experts, Row
from paramcalc.readers.families.decoders.shared import no_feed_forward

if TYPE_CHECKING:

    from paramcalc.readers.config.config import Config

RWKV = {"embed_tokens": "rwkv.embeddings", "layers": "rwkv.blocks", "norm": "rwkv.ln_out", "lm_head": "head",
        "input_layernorm": "ln1", "post_attention_layernorm": "ln2", "self_attn": "attention", "mlp": "feed_forward"}


def _rwkv_layers(config: Config) -> list[str]:
    return ["first"] + ["rest"] * (config.layers - 1)


def _time_mix(config: Config, _: str) -> TimeMix:
    return TimeMix(attention_size=config.optional("attention_hidden_size"))


def _rwkv_block(config: Config, word: str, _: str) -> dict[str, Any]:
    size = config.optional("intermediate_size") or 4 * config.integer("hidden_size")
    more = {"beside": {"pre_ln": Norm(kind="layernorm")}} if word == "first" else {}
    return {"ffn": ChannelMix(intermediate_size=size), **more}


ROWS: dict[str, Row] = {
    "rwkv": Row(norm="layernorm", position="none", mixers=_rwkv_layers, mixer=_time_mix, block=_rwkv_block,
                experts=Experts(layers=no_feed_forward), names=RWKV),
}
