"""GPT-2 and the decoders of its time: a row each. Sources: the library's modeling files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.components.attention import Attention
from paramcalc.components.embedding import Embedding
from paramcalc.components.linear import Linear, Parameter
from paramcalc.components.norm import Norm
from paramcalc.errors import LAYERS
from paramcalc.readers.config.patterns import FULL, SLIDING
from paramcalc.readers.families.decoder import Row
from paramcalc.readers.families.rows_dense import DENSE_QKV, FC, FC_LONG, GPT, four_times, inner

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paramcalc.readers.config.config import Config

BLOOM = {"embed_tokens": "transformer.word_embeddings", "embedding_norm": "transformer.word_embeddings_layernorm",
         "layers": "transformer.h", "norm": "transformer.ln_f", "self_attn": "self_attention"} | DENSE_QKV | FC_LONG
GPT2 = GPT | {"embed_positions": "transformer.wpe", "post_attention_layernorm": "ln_2", "qkv_proj": "c_attn",
              "o_proj": "c_proj", "up_proj": "c_fc", "down_proj": "c_proj"}
GPT1 = GPT2 | {"embed_tokens": "transformer.tokens_embed", "embed_positions": "transformer.positions_embed",
               "post_attention_layernorm": "ln_1", "post_feedforward_layernorm": "ln_2"}
NEO = GPT2 | {"self_attn": "attn.attention", "o_proj": "out_proj"}
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
FALCON_NORMS = {"input_layernorm": "ln_attn", "post_attention_layernorm": "ln_mlp"}
NEOX_JAPANESE = {"embed_tokens": "gpt_neox_japanese.embed_in", "layers": "gpt_neox_japanese.layers",
                 "norm": "gpt_neox_japanese.final_layer_norm", "lm_head": "embed_out",
                 "self_attn": "attention"} | DENSE_QKV | FC_LONG


def _crossing(config: Config, norm: str, path: str, names: Mapping[str, str], **fields: bool | str) -> dict[str, Any]:
    """The cross-attention that `add_cross_attention` puts into each layer."""
    if not config.flag("add_cross_attention"):
        return {}
    attention = {"num_heads": config.integer("num_attention_heads"), "cross": True, "bias": ("q", "k", "v", "o"),
                 "names": dict(names)}
    return {"beside": {norm: Norm(kind="layernorm"), path: Attention.model_validate(attention | fields)}}


def _gpt2_crossing(config: Config, *_: str) -> dict[str, Any]:
    names = {"q_proj": "q_attn", "kv_proj": "c_attn", "o_proj": "c_proj"}
    return _crossing(config, "ln_cross_attn", "crossattention", names, fused="kv",
                     transposed=config.model_type != "gpt_bigcode")


def _xglm_crossing(config: Config, *_: str) -> dict[str, Any]:
    return _crossing(config, "encoder_attn_layer_norm", "encoder_attn", {"o_proj": "out_proj"})


def _bigcode(config: Config, fields: dict[str, Any]) -> None:
    fields["num_kv_heads"] = 1 if config.flag("multi_query") else config.integer("num_attention_heads")


def _neo_layers(config: Config) -> list[str]:
    """`attention_types` is a list of `[words, times]`; silent, global and local take turns twelve times."""
    config.get("attention_layers")  # files hold this too, but the class makes it anew from attention_types
    written = config.get("attention_types")
    if written is None:
        written = [[["global", "local"], 12]]
    try:
        words = [word for of, times in written for word in of * times]
    except (TypeError, ValueError):
        raise config.error("attention_types", "expected a list of [words, times]") from None
    if len(words) != config.layers:
        raise config.error("attention_types", f"names {len(words):,} layers, but there are {config.layers:,}",
                           code=LAYERS)
    return [SLIDING if word == "local" else FULL for word in words]


def _neo_attention(config: Config, word: str) -> Attention:
    """Local layers see a window, but the class keeps every token."""
    local = word == SLIDING
    return Attention(num_heads=config.integer("num_attention_heads"), bias=("o",), cache_whole=local,
                     window=config.integer("window_size") if local else None)


def _japanese_layers(config: Config) -> list[str]:
    return [FULL] * (config.layers - 1) + ["last"]


def _japanese_bias(config: Config, word: str, _: str) -> dict[str, Any]:
    """Only the last layer adds a bias to attention's output."""
    bias = Parameter(shape=(config.integer("hidden_size"),), component="attention", added=True)
    return {"beside": {"attention.dense_bias": bias}} if word == "last" else {}


def _opt(config: Config) -> dict[str, Any]:
    found: dict[str, Any] = {"norm_scale": config.flag("layer_norm_elementwise_affine"),
                             "final_norm": _opt_norm_first(config) and not config.flag("_remove_final_layer_norm")}
    width, table = config.integer("hidden_size"), config.optional("word_embed_proj_dim")
    if table is not None and table != width:
        project = Linear(in_features=table, component="other_embedding")
        back = Linear(in_features=width, out_features=table, component="other_embedding")
        found |= {"embedding_size": table, "inputs": {config.rooted("model.decoder.project_in"): project},
                  "outputs": {config.rooted("model.decoder.project_out"): back}}
    return found


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


def _gpt1_attention(config: Config, _: str) -> Attention:
    """The class has no cache."""
    return Attention(num_heads=config.integer("num_attention_heads"), bias=("q", "k", "v", "o"), fused="qkv",
                     transposed=True, cache_heads=0)


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
                     bias=("q", "k", "v", "o") if config.flag("bias") else ())


def _falcon_size(config: Config) -> int:
    return config.optional("ffn_hidden_size") or four_times(config)


ROWS: dict[str, Row] = {
    "bloom": Row(True, True, True, gated=False, norm="layernorm", position="alibi", size=four_times, names=BLOOM,
                 more={"fused_qkv": True, "embedding_norm": True}, tagger="classifier",
                 older={"hidden_size": "n_embed"}),
    "cpmant": Row(size="dim_ff", names=CPM, mixer=_cpm_attention, adjust=lambda c, fields: fields.update(_cpm(c))),
    "ctrl": Row(True, True, True, True, gated=False, norm="layernorm", position="sinusoidal", size="dff", names=CTRL,
                classifier="classifier"),
    "falcon": Row(mlp_bias="bias", gated=False, norm="layernorm", placement=_falcon_placement, names=_falcon_names,
                  position=lambda c: "alibi" if c.flag("alibi") else "rotary", mixer=_falcon_attention,
                  size=_falcon_size, tagger="classifier", older={"hidden_size": "n_embed"}),
    "gpt2": Row(True, True, True, gated=False, norm="layernorm", position="learned", size=inner, names=GPT2,
                more={"fused_qkv": True, "transposed": True}, block=_gpt2_crossing, tagger="classifier"),
    "gpt_bigcode": Row(True, True, True, gated=False, norm="layernorm", position="learned", size=inner, names=GPT2,
                       more={"fused_qkv": True}, block=_gpt2_crossing, adjust=_bigcode, tagger="classifier"),
    "gpt_neo": Row(mlp_bias=True, gated=False, norm="layernorm", position="learned", names=NEO, mixer=_neo_attention,
                   size=lambda c: c.optional("intermediate_size") or four_times(c), mixers=_neo_layers,
                   tagger="classifier"),
    "gpt_neox_japanese": Row(gated=False, norm="layernorm", mixers=_japanese_layers, block=_japanese_bias,
                             size=lambda c: c.integer("intermediate_multiple_size") * c.integer("hidden_size"),
                             more={"fused_qkv": True}, names=NEOX_JAPANESE),
    "openai-gpt": Row(True, True, True, gated=False, norm="layernorm", position="learned", placement="post",
                      size=four_times, more={"transposed": True, "final_norm": False}, names=GPT1,
                      mixer=_gpt1_attention),
    "opt": Row("enable_bias", "enable_bias", "enable_bias", gated=False, norm="layernorm", position="learned",
               position_offset=2, placement=lambda c: "pre" if _opt_norm_first(c) else "post", size="ffn_dim",
               more=_opt, names=_opt_names),
    "xglm": Row(True, True, True, gated=False, norm="layernorm", position="sinusoidal", size="ffn_dim",
                names={"norm": "model.layer_norm"} | SELF_ATTN_NORMS, block=_xglm_crossing),
}
ROWS["gpt-sw3"] = ROWS["gpt2"]
