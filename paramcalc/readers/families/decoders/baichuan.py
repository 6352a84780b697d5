"""Baichuan 1 and 2: Llama with one matrix for queries, keys and values; the 13B sizes attend with ALiBi. M1: keys and
values mixed with the last token's, and other heads where a layer sees a window.

Sources: the modeling file of each size's own repository, named in `readers/config/published_types.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.components.attention import Attention
from paramcalc.components.linear import Parameter
from paramcalc.readers.config.patterns import FULL, at_indices
from paramcalc.readers.families.decoder import Row
from paramcalc.spec.caveats import Caveat

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config

SLIDING = "sliding"
LAST_TOKEN = Caveat(figure="cache", known="bound",
                    reason="each layer keeps the last token's key and value once more, from before they are mixed")


def _position(config: Config) -> str:
    """Only configs of the rotary sizes state `max_position_embeddings`; those of the others `model_max_length`."""
    return "alibi" if config.get("max_position_embeddings") is None else "rotary"


def _m1_attention(config: Config, word: str) -> Attention:
    """Layers that see a window may have heads of their own. arXiv:2502.12671."""
    heads, kv_heads, window = config.integer("num_attention_heads"), config.kv_heads, None
    if word == SLIDING:
        window = config.integer("sliding_window")
        heads = config.optional("num_swa_attention_heads") or heads
        kv_heads = config.optional("num_swa_key_value_heads") or kv_heads
    head = config.integer("hidden_size") // heads
    return Attention(num_heads=heads, num_kv_heads=kv_heads, head_dim=head, window=window, fused="qkv",
                     names={"qkv_proj": "W_pack"})


def _m1_kernels(config: Config, word: str, _: str) -> dict[str, Any]:
    """A weight of a key head for this token and one for the last, and the same for values."""
    kernel = Parameter(shape=(1, 1, _m1_attention(config, word).num_kv_heads or 1, 1, config.integer("conv_window")),
                       component="attention", scales=True)
    return {"beside": {"self_attn.conv_k": kernel, "self_attn.conv_v": kernel}}


def _m1_layers(config: Config) -> list[str]:
    return at_indices(config, "sliding_window_layers", SLIDING, FULL, none=FULL)


ROWS: dict[str, Row] = {
    "baichuan": Row(position=_position, more={"fused_qkv": True}, names={"qkv_proj": "W_pack"}),
    "baichuan_m1": Row(mixers=_m1_layers, mixer=_m1_attention, block=_m1_kernels, more={"caveats": (LAST_TOKEN,)}),
}
