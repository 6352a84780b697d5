"""Families whose layers scan, decay or convolve instead of attending, all or some of them.

Sources: the library's configuration and modeling files of each.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from paramcalc.readers.config.patterns import FULL, LINEAR, at_indices, at_offset, interval, sparse_step
from paramcalc.readers.families.decoder import Experts, Pattern, Row, mixture
from paramcalc.readers.families.mtp import GENERATES, qwen_mtp
from paramcalc.readers.families.rows_moe import GATE, GRANITE, GRANITE_FILE, W123
from paramcalc.readers.families.scans import (
    gated_delta,
    lightning,
    mamba,
    mamba2,
    mamba2_within,
    mamba_within,
    short_conv,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramcalc.components.base import Component
    from paramcalc.components.mamba import Mamba, Mamba2
    from paramcalc.readers.config.config import Config

BACKBONE = {"embed_tokens": "backbone.embeddings", "layers": "backbone.layers", "norm": "backbone.norm_f",
            "input_layernorm": "norm", "self_attn": "mixer"}
BAMBA = {"mlp": "feed_forward", "post_attention_layernorm": "pre_ff_layernorm", "norm": "model.final_layernorm"}
LINEAR_ATTN = {"self_attn.gated_delta": "linear_attn"}
LFM = {"input_layernorm": "operator_norm", "post_attention_layernorm": "ffn_norm", "norm": "model.embedding_norm",
       "self_attn.short_conv": "conv", "mlp": "feed_forward", "gate_proj": "w1", "down_proj": "w2", "up_proj": "w3"}
LFM2 = LFM | {"q_norm": "q_layernorm", "k_norm": "k_layernorm", "o_proj": "out_proj"}
LFM2_IGNORED = {"block_dim", "block_mlp_init_scale", "block_norm_eps", "block_out_init_scale", "block_use_swiglu",
                "block_use_xavier_init", "conv_dim", "conv_dim_out", "conv_use_xavier_init", "num_heads", "use_pos_enc"}
"""Keys of published files that the class never reads."""
LFM3_SANDWICH = {"post_attention_layernorm": "post_operator_norm", "pre_feedforward_layernorm": "ffn_norm",
                 "post_feedforward_layernorm": "post_ffn_norm"}


def _none(config: Config) -> list[str]:
    return ["none"] * config.layers


def _only(mixer: Callable[[Config, str], Component]) -> Row:
    """Nothing but a norm and a mixer in each layer."""
    return Row(placement="parallel", position="none", experts=Experts(layers=_none), names=BACKBONE,
               mixers=lambda c: [LINEAR] * c.layers, mixer=mixer)


def _jamba_mixer(config: Config, word: str) -> Mamba | None:
    return mamba_within(config, norms=True) if word == LINEAR else None


def _jamba_experts(config: Config) -> list[str]:
    sparse = "moe" if config.integer("num_experts") > 1 else "dense"
    return at_offset(config, "expert_layer_period", "expert_layer_offset", sparse, "dense")


def _mamba2_mixer(config: Config, word: str) -> Mamba2 | None:
    return mamba2_within(config) if word == LINEAR else None


def _bamba_layers(config: Config) -> list[str]:
    return at_indices(config, "attn_layer_indices")


def _falcon_h1(config: Config, *_: str) -> dict[str, Any]:
    """Attention and Mamba-2 side by side in each layer."""
    inner = config.optional("mamba_d_ssm")
    mixer = mamba2_within(config, inner).model_copy(update={
        "out_bias": config.flag("projectors_bias"), "gated_norm": config.flag("mamba_rms_norm")})
    return {"beside": {"mamba": mixer}}


def _qwen3_next(layout: Literal["qkvz", "qkv"], experts: Experts | None = None, predicts: int = 0) -> Row:
    names = GATE | LINEAR_ATTN | {"shared_experts": "shared_expert"}
    return Row("attention_bias", "attention_bias", qk_norm="head", pattern=interval, experts=experts,
               mixer=partial(gated_delta, layout=layout), names=names, more={"output_gate": "query"},
               mtp=partial(qwen_mtp, layers=predicts))


def _qwen_experts(layers: Pattern | None = None) -> Experts:
    return Experts("num_experts", layers=layers, shared_gate=True,
                   shared=lambda c: c.integer("shared_expert_intermediate_size"))


def _granite_experts(config: Config) -> list[str]:
    return ["moe" if config.integer("num_local_experts", least=0) else "shared"] * config.layers


def _granite_shared(config: Config, _: str, ffn: str) -> dict[str, Any]:
    """Without experts, the feed-forward they would share is the layer's only one."""
    if ffn == "moe":
        return {}
    return {"ffn": {"kind": "ffn", "intermediate_size": config.integer("shared_intermediate_size"), "fused": True,
                    "component": "moe_shared", "path": "shared_mlp",
                    "names": {"gate_up_proj": "input_linear", "down_proj": "output_linear"}}}


def _minimax_layers(config: Config) -> list[str]:
    return [LINEAR if i % 2 else FULL for i in range(config.layers)]


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


ROWS: dict[str, Row] = {
    "mamba": _only(mamba),
    "falcon_mamba": _only(mamba),
    "mamba2": _only(mamba2),
    "jamba": Row(mixers=lambda c: at_offset(c, "attn_layer_period", "attn_layer_offset", FULL, LINEAR),
                 mixer=_jamba_mixer, names=BAMBA | {"self_attn.mamba": "mamba"}, position="none",
                 experts=Experts("num_experts", size="intermediate_size", layers=_jamba_experts)),
    "bamba": Row("attention_bias", "attention_bias", "mlp_bias", mixers=_bamba_layers, mixer=_mamba2_mixer,
                 names=BAMBA | {"self_attn.mamba2": "mamba"}),
    "falcon_h1": Row("attention_bias", "attention_bias", "mlp_bias", mixers=lambda c: [FULL] * c.layers,
                     block=_falcon_h1, names=BAMBA),
    "granitemoehybrid": Row("attention_bias", "attention_bias", mixer=_mamba2_mixer,
                            position=lambda c: "rotary" if c.get("position_embedding_type") == "rope" else "none",
                            pattern=lambda c: [LINEAR] * c.layers, block=_granite_shared,
                            experts=Experts(GRANITE.count, size=GRANITE.size, shared=GRANITE.shared,
                                            more=GRANITE.more, layers=_granite_experts),
                            names=GRANITE_FILE | {"self_attn.mamba2": "mamba"}),
    "qwen3_next": _qwen3_next("qkvz", _qwen_experts(sparse_step), predicts=1),
    "qwen3_5_text": _qwen3_next("qkv"),
    "qwen3_5_moe_text": _qwen3_next("qkv", _qwen_experts()),
    "minimax": Row(pattern=_minimax_layers, mixer=lightning, names=W123, experts=Experts(size="intermediate_size")),
    "lfm2": Row(pattern=_lfm2_layers, mixer=short_conv, qk_norm="head", names=LFM2, size=_lfm2_size,
                adjust=_lfm2_tied),
    "lfm2_moe": Row(mixer=short_conv, qk_norm="head", names=LFM2 | GATE | {"correction_bias": "expert_bias"},
                    adjust=_lfm2_tied, experts=LFM2_EXPERTS, block=_lfm2_moe_bias),
    "lfm3": Row("attention_bias", "attention_bias", pattern=_lfm3_layers, mixer=short_conv, qk_norm="head",
                names=LFM | {"gate": "gate_proj"}, adjust=_lfm3),
}
