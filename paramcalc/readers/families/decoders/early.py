"""Decoders of before Llama, each with a layout of its own: BLOOM, CTRL, CPM-Ant, MPT, OPT, Persimmon, StableLM, XGLM.

Sources: transformers' modeling file of each, and what a row or rule names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.components.attention import Attention
from paramcalc.components.embedding import Embedding
from paramcalc.components.linear import Linear, Parameter
from paramcalc.readers.families.decoder import Row
from paramcalc.readers.families.decoders.falcon import BLOOM
from paramcalc.readers.families.decoders.gpt import cross_attention
from paramcalc.readers.families.decoders.shared import DENSE_QKV, QK_LAYERNORM, four_times, when
from paramcalc.readers.families.spellings import FC, FC_LONG

if TYPE_CHECKING:

    from paramcalc.readers.config.config import Config

CTRL = {"embed_tokens": "transformer.w", "layers": "transformer.h", "norm": "transformer.layernorm",
        "input_layernorm": "layernorm1", "post_attention_layernorm": "layernorm2", "self_attn": "multi_head_attention",
        "mlp": "ffn", "q_proj": "Wq", "k_proj": "Wk", "v_proj": "Wv", "o_proj": "dense", "up_proj": "*",
        "down_proj": "*"}
CPM = {"embed_tokens": "cpmant.input_embedding", "layers": "cpmant.encoder.layers",
       "norm": "cpmant.encoder.output_layernorm", "input_layernorm": "self_att.layernorm_before_attention",
       "self_attn": "self_att.self_attention", "post_attention_layernorm": "ffn.layernorm_before_ffn", "mlp": "ffn.ffn",
       "q_proj": "project_q", "k_proj": "project_k", "v_proj": "project_v", "o_proj": "attention_out",
       "gate_proj": "w_in.w_0", "up_proj": "w_in.w_1", "down_proj": "w_out"}
SELF_ATTN_NORMS = {"input_layernorm": "self_attn_layer_norm", "post_attention_layernorm": "final_layer_norm",
                   "o_proj": "out_proj", "mlp": ""} | FC
OPT = SELF_ATTN_NORMS | {"embed_tokens": "model.decoder.embed_tokens", "norm": "model.decoder.final_layer_norm",
                         "embed_positions": "model.decoder.embed_positions", "layers": "model.decoder.layers"}


def _xglm_crossing(config: Config, *_: str) -> dict[str, Any]:
    return cross_attention(config, "encoder_attn_layer_norm", "encoder_attn", {"o_proj": "out_proj"})


def _mpt(config: Config) -> dict[str, Any]:
    """One matrix for queries, keys and values; nothing under `attn_config` changes a size in the library's class."""
    config.settings("attn_config", "attn_type", "attn_impl", "attn_pdrop", "attn_uses_sequence_id", "alibi",
                    "alibi_bias_max", "clip_qkv", "softmax_scale", "prefix_lm", "qk_ln", "model_type")
    return {"fused_qkv": True}


def _opt(config: Config) -> dict[str, Any]:
    fields: dict[str, Any] = {"norm_scale": config.flag("layer_norm_elementwise_affine"),
                             "final_norm": _opt_norm_first(config) and not config.flag("_remove_final_layer_norm")}
    width, table = config.integer("hidden_size"), config.optional("word_embed_proj_dim")
    if table is not None and table != width:
        project = Linear(in_features=table, component="other_embedding")
        back = Linear(in_features=width, out_features=table, component="other_embedding")
        fields |= {"embedding_size": table, "inputs": {config.rooted("model.decoder.project_in"): project},
                  "outputs": {config.rooted("model.decoder.project_out"): back}}
    return fields


def _opt_norm_first(config: Config) -> bool:
    return config.flag("do_layer_norm_before")


def _opt_names(config: Config) -> dict[str, str]:
    if _opt_norm_first(config):
        return OPT
    return OPT | {"post_attention_layernorm": "self_attn_layer_norm", "post_feedforward_layernorm": "final_layer_norm"}


def _cpm(config: Config) -> dict[str, Any]:
    segments, heads = config.integer("segment_types"), config.integer("num_attention_heads")
    buckets = segments * segments + config.integer("position_bias_num_buckets")
    prompts = config.integer("prompt_types") * config.integer("prompt_length")
    return {
        "position": "none", "num_kv_heads": None, "tie_embeddings": False,
        "embedding_rows": config.integer("vocab_size") + prompts,
        "inputs": {config.rooted("cpmant.segment_embedding"): Embedding(rows=segments, component="other_embedding"),
                   config.rooted("cpmant.position_bias.relative_attention_bias"): Parameter(
                       shape=(buckets, heads), component="position_embedding", role="lookup")},
    }


def _cpm_attention(config: Config, _: str) -> Attention:
    """Every sequence starts with the prompt of its type."""
    return Attention(num_heads=config.integer("num_attention_heads"), head_dim=config.integer("dim_head"),
                     prompt=config.integer("prompt_length"))


ROWS: dict[str, Row] = {
    "bloom": Row(True, True, True, gated=False, norm="layernorm", position="alibi", size=four_times, names=BLOOM,
                 more={"fused_qkv": True, "embedding_norm": True}, tagger="classifier",
                 older={"hidden_size": "n_embed"}),
    "cpmant": Row(size="dim_ff", names=CPM, mixer=_cpm_attention, adjust=lambda c, fields: fields.update(_cpm(c))),
    "ctrl": Row(True, True, True, True, gated=False, norm="layernorm", position="sinusoidal", size="dff", names=CTRL,
                classifier="classifier"),
    "mpt": Row(gated=False, norm="layernorm", norm_bias=False, position="alibi", size=four_times,
               more=_mpt, tagger="classifier",
               names={"embed_tokens": "transformer.wte", "layers": "transformer.blocks", "norm": "transformer.norm_f",
                      "input_layernorm": "norm_1", "post_attention_layernorm": "norm_2", "self_attn": "attn",
                      "mlp": "ffn", "qkv_proj": "Wqkv", "o_proj": "out_proj"}),
    "opt": Row("enable_bias", "enable_bias", "enable_bias", gated=False, norm="layernorm", position="learned",
               position_offset=2, placement=lambda c: "pre" if _opt_norm_first(c) else "post", size="ffn_dim",
               more=_opt, names=_opt_names),
    "persimmon": Row(True, True, True, gated=False, norm="layernorm", qk_norm=when("qk_layernorm", "head"),
                     more={"fused_qkv": True, "qk_norm_bias": True},
                     names={"norm": "model.final_layernorm"} | DENSE_QKV | FC_LONG | QK_LAYERNORM),
    "xglm": Row(True, True, True, gated=False, norm="layernorm", position="sinusoidal", size="ffn_dim",
                names={"norm": "model.layer_norm"} | SELF_ATTN_NORMS, block=_xglm_crossing),
    "stablelm": Row("use_qkv_bias", norm="layernorm", placement=when("use_parallel_residual", "parallel", "pre"),
                    qk_norm=when("qk_layernorm", "each"), names=QK_LAYERNORM),
}
