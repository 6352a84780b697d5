"""TII's Falcon: the first with one key head or groups of them, Falcon Mamba and Falcon-H1.

Sources: transformers' modeling file of each, and what a row or rule names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.components.attention import QKVO, Attention
from paramcalc.readers.config.patterns import FULL
from paramcalc.readers.families.decoder import Row
from paramcalc.readers.families.decoders.mamba import BAMBA, mamba, mamba2_within, mixer_only
from paramcalc.readers.families.decoders.shared import DENSE_QKV, four_times
from paramcalc.readers.families.spellings import FC_LONG

if TYPE_CHECKING:

    from paramcalc.readers.config.config import Builder, Config

BLOOM = {"embed_tokens": "transformer.word_embeddings", "embedding_norm": "transformer.word_embeddings_layernorm",
         "layers": "transformer.h", "norm": "transformer.ln_f", "self_attn": "self_attention"} | DENSE_QKV | FC_LONG
FALCON_NORMS = {"input_layernorm": "ln_attn", "post_attention_layernorm": "ln_mlp"}


def _falcon_placement(config: Config) -> str:
    if not config.flag("parallel_attn"):
        return "pre"
    norms = config.optional("num_ln_in_parallel_attn", least=0)
    two = norms == 2 or (norms is None and config.flag("new_decoder_architecture"))
    return "parallel_norms" if two else "parallel"


def _falcon_names(config: Config) -> dict[str, str]:
    return BLOOM | (FALCON_NORMS if _falcon_placement(config) == "parallel_norms" else {})


def _falcon_attention(config: Config, _: str) -> Attention:
    """The new architecture groups queries, but its class caches a key and a value for each of them."""
    heads, new = config.integer("num_attention_heads"), config.flag("new_decoder_architecture")
    groups = config.optional("num_kv_heads") or heads
    kv_heads = groups if new else 1 if config.flag("multi_query") else heads
    return Attention(num_heads=heads, num_kv_heads=kv_heads, fused="qkv", cache_heads=heads if new else None,
                     bias=QKVO if config.flag("bias") else ())


def _falcon_size(config: Config) -> int:
    return config.optional("ffn_hidden_size") or four_times(config)


def _falcon_h1(config: Config, *_: str) -> dict[str, Any]:
    """Attention and Mamba-2 side by side in each layer."""
    inner = config.optional("mamba_d_ssm")
    mixer = mamba2_within(config, inner).model_copy(update={
        "out_bias": config.flag("projectors_bias"), "gated_norm": config.flag("mamba_rms_norm")})
    return {"beside": {"mamba": mixer}}


FALCON = Row(mlp_bias="bias", gated=False, norm="layernorm", placement=_falcon_placement, names=_falcon_names,
             position=lambda c: "alibi" if c.flag("alibi") else "rotary", mixer=_falcon_attention, size=_falcon_size,
             tagger="classifier", older={"hidden_size": "n_embed"})

ROWS: dict[str, Builder] = {
    "falcon": FALCON,
    "RefinedWeb": FALCON,
    "RefinedWebModel": FALCON,
    "falcon_mamba": mixer_only(mamba),
    "falcon_h1": Row("attention_bias", "attention_bias", "mlp_bias", mixers=lambda c: [FULL] * c.layers,
                     block=_falcon_h1, names=BAMBA),
}
