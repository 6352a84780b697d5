"""Ai2's OLMo: dense, experts, hybrids with delta rules, and the text model of Molmo 2.

Sources: transformers' modeling file of each, and what a row or rule names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.components.attention import QKV, Attention
from paramcalc.components.embedding import Embedding
from paramcalc.components.ffn import FeedForward
from paramcalc.readers.config.patterns import FULL, LINEAR, every
from paramcalc.readers.families.decoder import Experts, Row
from paramcalc.readers.families.decoders.qwen import gated_delta
from paramcalc.readers.families.decoders.shared import GATE, when
from paramcalc.sanitize import quote

if TYPE_CHECKING:

    from paramcalc.components.delta_rule import GatedDelta
    from paramcalc.readers.config.config import Config

OLMO_DELTA = {"norm": "o_norm", "out_proj": "o_proj"}


def _olmo_layers(config: Config) -> list[str]:
    """Full attention at each fourth layer, and at the last one where that gives none."""
    words = every(config, 4, FULL, LINEAR)
    return words if FULL in words else [*words[:-1], FULL]


def _olmo_mixer(config: Config, word: str) -> GatedDelta | None:
    part = gated_delta(config, word, "separate")
    return None if part is None else part.model_copy(update={"names": OLMO_DELTA})


def _olmo_block(_: Config, word: str, __: str) -> dict[str, Any]:
    return {"norm_placement": "pre" if word == LINEAR else "post"}


def _molmo2(config: Config, fields: dict[str, Any]) -> None:
    fields["embedding_rows"] = config.integer("vocab_size") + config.integer("additional_vocab_size", 0, least=0)
    fields["tie_embeddings"] = False


def _molmo2_norm(config: Config) -> str:
    return "head" if config.text("qk_norm_type") == "qwen3" else "full"


def _molmo2_names(config: Config) -> dict[str, str]:
    if not config.flag("norm_after"):
        return {}
    return {"post_attention_layernorm": "input_layernorm", "post_feedforward_layernorm": "post_attention_layernorm"}


MOLMO = {"embed_tokens": "model.wte.embedding", "layers": "model.blocks", "norm": "model.ln_f", "qkv_proj": "att_proj",
         "o_proj": "attn_out", "gate_up_proj": "ff_proj", "down_proj": "ff_out", "input_layernorm": "attn_norm",
         "post_attention_layernorm": "ff_norm"}
MOLMO_UNREAD = {"activation_type", "clip_qkv", "initializer_range", "layer_norm_eps", "layer_norm_type",
                "use_position_ids", "weight_tying", "vocab_size"}


def _molmo(config: Config, fields: dict[str, Any]) -> None:
    """Attention and feed-forward stand directly in the layer; a second table for tokens about pictures."""
    config.read |= MOLMO_UNREAD
    rows = config.optional("embedding_size") or config.integer("vocab_size")
    more = config.integer("additional_vocab_size", 128, least=0)
    fields |= {"vocab_size": rows, "inputs": {"model.wte.new_embedding": Embedding(rows=more)} if more else {}}


def _molmo_parts(config: Config, *_: str) -> dict[str, Any]:
    names = {key: MOLMO[key] for key in ("qkv_proj", "o_proj", "gate_up_proj", "down_proj")}
    return {
        "mixer": Attention(num_heads=config.integer("num_attention_heads"), num_kv_heads=config.kv_heads,
                           head_dim=config.head_dim, fused="qkv", bias=QKV if config.flag("qkv_bias") else (),
                           qk_norm="full" if config.flag("attention_layer_norm") else "none", path="", names=names),
        "ffn": FeedForward(intermediate_size=config.integer("intermediate_size") // 2, fused=True, path="",
                           names=names)}


MOLMOE = {key: MOLMO[key] for key in ("embed_tokens", "layers", "norm", "qkv_proj", "o_proj")} | {
    "self_attn": "attn", "input_layernorm": "attn.attn_norm", "post_attention_layernorm": "mlp.ff_norm",
    "router": "gate"}
MOLMOE_UNREAD = MOLMO_UNREAD | {
    "block_type", "layer_norm_with_affine", "attention_layer_norm_with_affine", "bias_for_layer_norm", "include_bias",
    "multi_query_attention", "mlp_ratio", "moe_interleave", "moe_shared_expert", "alibi_bias_max", "block_group_size",
    "image_padding_embed", "moe_capacity_factor", "moe_dropless", "moe_mlp_impl", "new_embedding_init_range",
    "overlap_margins", "query_pre_attn_scalar"}


def molmo_width(config: Config) -> int:
    """Width of gate and up projection of a feed-forward together: given, or a multiple of the width."""
    return config.optional("intermediate_size") or config.integer("mlp_ratio", 4) * config.integer("hidden_size")


def _molmoe(config: Config, fields: dict[str, Any]) -> None:
    """MolmoE: the experts of OLMoE in the shape of Molmo. allenai/MolmoE-1B-0924 modeling_molmoe.py."""
    for key, usual in (("moe_interleave", False), ("moe_shared_expert", False), ("include_bias", False)):
        if config.get(key, usual) != usual:
            raise config.expected(key, f"{quote(usual)}, which is all that is known")
    _molmo(config, fields)
    config.read |= MOLMOE_UNREAD


ROWS: dict[str, Row] = {
    "molmoe_text": Row(qkv_bias="qkv_bias", qk_norm=when("attention_layer_norm", "full"), names=MOLMOE, adjust=_molmoe,
                       experts=Experts(size=lambda c: molmo_width(c) // 2), more={"fused_qkv": True}),
    "molmo_text": Row(block=_molmo_parts, adjust=_molmo, names=MOLMO, placement=when("norm_after", "post", "pre")),
    "olmo": Row("attention_bias", "attention_bias", norm="layernorm", more={"norm_scale": False}),
    "olmo2": Row("attention_bias", "attention_bias", placement="post", qk_norm="full"),
    "olmo3": Row("attention_bias", "attention_bias", placement="post", qk_norm="full", pattern=lambda c: every(c, 4)),
    "olmoe": Row("attention_bias", "attention_bias", qk_norm="full", names=GATE,
                 experts=Experts("num_experts", size="intermediate_size")),
    "flex_olmo": Row("attention_bias", "attention_bias", qk_norm="full", names=GATE, placement="post",
                     experts=Experts("num_experts", size="intermediate_size")),
    "olmo_hybrid": Row("attention_bias", "attention_bias", pattern=_olmo_layers, mixer=_olmo_mixer, qk_norm="full",
                       block=_olmo_block, names={"self_attn.gated_delta": "linear_attn",
                                                 "input_layernorm": "attention_layer_norm",
                                                 "post_attention_layernorm": "feedforward_layer_norm"}),
    "molmo2_text": Row("attention_bias", qk_norm=_molmo2_norm, placement=when("norm_after", "post", "pre"),
                       names=_molmo2_names, adjust=_molmo2),
}
