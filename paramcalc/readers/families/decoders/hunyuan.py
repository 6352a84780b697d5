"""Tencent's Hunyuan: dense, experts, and version 4 with latent attention and hyper-connections.

Sources: transformers' modeling file of each, and what a row or rule names.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from paramcalc.components.attention import QKVO, Attention
from paramcalc.readers.config.patterns import FULL, sparse_but_first
from paramcalc.readers.families.decoder import Experts, Row
from paramcalc.readers.families.decoders.deepseek import hyper, indexer, latent, shared_experts
from paramcalc.readers.families.decoders.shared import CORRECTED, STACKED, times

if TYPE_CHECKING:

    from paramcalc.components.latent_attention import LatentAttention
    from paramcalc.readers.config.config import Config


def hunyuan_experts(config: Config) -> list[str]:
    """Experts and choices may be given for each layer."""
    counts = config.per_layer("num_experts", config.layers)
    chosen = config.per_layer("moe_topk", config.layers)
    return [f"{top_k}_of_{experts}" for experts, top_k in zip(counts, chosen, strict=True)]


def hunyuan_block(config: Config, _: str, ffn: str) -> dict[str, Any]:
    """The experts of a layer with so many."""
    top_k, experts = (int(word) for word in ffn.split("_of_"))
    fields = {"experts": experts, "top_k": top_k, "intermediate_size": config.integer("intermediate_size"),
              "shared_size": config.integer("intermediate_size")}
    return {"moe": fields}


HY_V4_NAMES = CORRECTED | {"gate_proj": "linear_gate", "gate": "linear_gate", "sinks": "learnable_sink_param"}


def _hy_v4_more(config: Config) -> dict[str, Any]:
    path = "hc_head.hc_pre" if config.bare else "model.hc_pre.hc_head"
    return {"outputs": {path: hyper(config, "pre", None, "hc_head_")}}


def hy_v4_layers(config: Config) -> list[str]:
    """An indexer of its own in the first layer and in every fourth after it."""
    types = config.listed("indexer_types", str, config.layers)
    if types is None:
        types = ["full" if i == 0 or (i - 1) % 4 == 0 else "shared" for i in range(config.layers)]
    return ["shared" if word == "shared" else "indexed" for word in types]


def hy_v4_attention(config: Config, word: str) -> LatentAttention:
    """Latent attention with sinks and a gate of full width."""
    return latent(config, word).model_copy(update={"output_gate": "full", "sinks": True})


def hy_v4_block(config: Config, mixer: str, ffn: str) -> dict[str, Any]:
    """Two hyper-connections that do not mix, and the indexer."""
    beside = indexer(config, mixer, ffn).get("beside", {})
    return {"beside": beside | {f"hc_pre.hc_{place}_layer": hyper(config, "pre_post", None, "hc_")
                                for place in ("attn", "mlp")}}


def _own(config: Config, key: str, default: int = 1) -> list[int]:
    return config.per_layer(key, config.layers, default)


def _first_layers(config: Config) -> list[str]:
    """Each group of `cla_share_factor` layers attends to the keys and values of its first. arXiv:2411.02265."""
    share = config.integer("cla_share_factor", 1) if config.flag("use_cla") else 1
    return [FULL if i % share == 0 else "shared" for i in range(config.layers)]


def _first_attention(config: Config, word: str) -> Attention:
    bias = QKVO if config.flag("attention_bias") else ()
    return Attention(num_heads=config.integer("num_attention_heads"), num_kv_heads=config.kv_heads,
                     head_dim=config.optional("attention_head_dim") or config.head_dim, bias=bias,
                     qk_norm="head" if config.flag("use_qk_norm") else "none", shares_kv=word == "shared")


def _first_experts(config: Config) -> list[str]:
    if max(_own(config, "num_experts")) == 1:
        return ["dense"] * config.layers
    return [f"{top_k}_of_{experts}_of_{size}_beside_{shared}" for experts, top_k, size, shared in zip(
        _own(config, "num_experts"), _own(config, "moe_topk"), _sizes(config), _own(config, "num_shared_expert"),
        strict=True)]


def _sizes(config: Config) -> list[int]:
    if config.get("moe_intermediate_size") is None:
        return [config.integer("intermediate_size")] * config.layers
    return _own(config, "moe_intermediate_size")


def _first_block(config: Config, _: str, ffn: str) -> dict[str, Any]:
    """The experts of a layer, and a feed-forward of as many times the usual size as experts are shared."""
    config.read |= {"capacity_factor", "moe_drop_tokens", "moe_random_routing_dropped_token", "use_rotary_pos_emb",
                    "org_vocab_size", "routed_scaling_factor", "norm_type", "mlp_bias"}
    if ffn == "dense":
        return {}
    top_k, experts, size, shared = (int(word) for word in re.findall(r"\d+", ffn))
    fields = {"experts": experts, "top_k": top_k, "intermediate_size": size}
    if config.flag("use_mixed_mlp_moe"):
        fields["shared_size"] = shared * config.integer("intermediate_size")
    return {"moe": fields}


def _shared(config: Config) -> int:
    """The class gives a shared expert of no width that of its dense layers."""
    return times("num_shared_experts", "moe_intermediate_size")(config) or config.integer("intermediate_size")


HUNYUAN = {"router": "gate.wg", "shared_experts": "shared_mlp", "q_norm": "query_layernorm", "k_norm": "key_layernorm"}

HY_V4 = Row(mixers=hy_v4_layers, mixer=hy_v4_attention, block=hy_v4_block,
            experts=Experts("n_routed_experts", layers=sparse_but_first, shared=shared_experts,
                            correction_bias="buffer", more=STACKED),
            names=HY_V4_NAMES, more=_hy_v4_more)
ROWS: dict[str, Row] = {
    "hunyuan": Row(mixers=_first_layers, mixer=_first_attention, block=_first_block, names=HUNYUAN,
                   experts=Experts(layers=_first_experts)),
    "hunyuan_v1_dense": Row("attention_bias", "attention_bias", qk_norm="head",
                            names={"q_norm": "query_layernorm", "k_norm": "key_layernorm"}),
    "hunyuan_vl_text": Row("attention_bias", "attention_bias", qk_norm="head",
                           names={"q_norm": "query_layernorm", "k_norm": "key_layernorm"}),
    "hunyuan_v1_moe": Row("attention_bias", "attention_bias", qk_norm="head", block=hunyuan_block,
                          names=HUNYUAN, experts=Experts(layers=hunyuan_experts)),
    "hy_v3": Row("attention_bias", "attention_bias", "mlp_bias", qk_norm="head",
                 names={"router": "router.gate", "shared_experts": "shared_mlp", "correction_bias": "expert_bias"},
                 experts=Experts("num_experts", layers=sparse_but_first, correction_bias="buffer",
                                 shared_bias="mlp_bias",
                                 shared=_shared)),
    **dict.fromkeys(("hy_v4", "hy_v4_vl_text"), HY_V4),
}
