"""Liquid AI's LFM: short convolutions and attention, dense and with experts.

Sources: transformers' modeling file of each, and what a row or rule names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.components.short_conv import ShortConv
from paramcalc.readers.config.patterns import FULL, at_indices
from paramcalc.readers.families.decoder import Experts, Row, mixture
from paramcalc.readers.families.decoders.shared import GATE, GENERATES

if TYPE_CHECKING:

    from paramcalc.readers.config.config import Config

LFM = {"input_layernorm": "operator_norm", "post_attention_layernorm": "ffn_norm", "norm": "model.embedding_norm",
       "self_attn.short_conv": "conv", "mlp": "feed_forward", "gate_proj": "w1", "down_proj": "w2", "up_proj": "w3"}
LFM2 = LFM | {"q_norm": "q_layernorm", "k_norm": "k_layernorm", "o_proj": "out_proj"}
LFM2_IGNORED = {"block_dim", "block_mlp_init_scale", "block_norm_eps", "block_out_init_scale", "block_use_swiglu",
                "block_use_xavier_init", "conv_dim", "conv_dim_out", "conv_use_xavier_init", "num_heads", "use_pos_enc"}
"""Keys of published files that the class never reads."""
LFM3_SANDWICH = {"post_attention_layernorm": "post_operator_norm", "pre_feedforward_layernorm": "ffn_norm",
                 "post_feedforward_layernorm": "post_ffn_norm"}


def _lfm2_layers(config: Config) -> list[str]:
    return at_indices(config, "full_attn_idxs", FULL, "conv", none=FULL)


def _lfm2_size(config: Config) -> int:
    """Two thirds of the given width, scaled and rounded up, unless the file says to take it as it is."""
    size = config.integer("block_ff_dim", config.integer("intermediate_size"))
    if not config.flag("block_auto_adjust_ff_dim"):
        return size
    size = int(2 * size / 3)
    if config.get("block_ffn_dim_multiplier") is None:
        return size
    multiple = config.integer("block_multiple_of")
    return -(-int(config.number("block_ffn_dim_multiplier") * size) // multiple) * multiple


def _lfm2_tied(config: Config, fields: dict[str, Any]) -> None:
    """`tie_embedding`, where the file has it, goes before `tie_word_embeddings`."""
    config.read |= LFM2_IGNORED
    if config.get("tie_embedding") is not None and config.task in GENERATES:
        fields["tie_embeddings"] = config.flag("tie_embedding")


def _lfm2_moe_layers(config: Config) -> list[str]:
    dense = config.integer("num_dense_layers", least=0)
    return ["dense" if i < dense else "moe" for i in range(config.layers)]


def _lfm2_moe_bias(config: Config, _: str, ffn: str) -> dict[str, Any]:
    if ffn != "moe" or not config.flag("use_expert_bias"):
        return {}
    return {"moe": mixture(config, LFM2_EXPERTS) | {"correction_bias": "buffer"}}


LFM2_EXPERTS = Experts("num_experts", layers=_lfm2_moe_layers)


def _lfm3_layers(config: Config) -> list[str]:
    return [FULL if i % 4 == 2 else "sliding" if i and i % 4 == 0 else "conv" for i in range(config.layers)]


def _lfm3(config: Config, fields: dict[str, Any]) -> None:
    if config.flag("use_sandwich_norm"):
        fields["norm_placement"] = "sandwich"
        fields["names"] = fields["names"] | LFM3_SANDWICH
    if config.flag("use_attention_gate"):
        fields["output_gate"] = "head"


def short_conv(config: Config, word: str) -> ShortConv | None:
    """LFM2's."""
    if word != "conv":
        return None
    return ShortConv(conv_kernel=config.integer("conv_L_cache"), bias=config.flag("conv_bias"))


ROWS: dict[str, Row] = {
    "lfm2": Row(pattern=_lfm2_layers, kinds=(FULL, "conv"), mixer=short_conv, qk_norm="head", names=LFM2,
                size=_lfm2_size, adjust=_lfm2_tied),
    "lfm2_moe": Row(mixer=short_conv, kinds=(FULL, "conv"), qk_norm="head",
                    names=LFM2 | GATE | {"correction_bias": "expert_bias"}, adjust=_lfm2_tied,
                    experts=LFM2_EXPERTS, block=_lfm2_moe_bias),
    "lfm3": Row("attention_bias", "attention_bias", pattern=_lfm3_layers, mixer=short_conv, qk_norm="head",
                names=LFM | {"gate": "gate_proj"}, adjust=_lfm3),
}
