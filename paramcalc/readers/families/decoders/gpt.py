"""GPT-1, GPT-2, gpt-oss and the decoders made after them: GPT-Neo, GPT-J, CodeGen, GPT-NeoX, GPT-BigCode.

Sources: transformers' modeling file of each, and what a row or rule names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.components.attention import QKVO, Attention
from paramcalc.components.linear import Parameter
from paramcalc.components.norm import Norm
from paramcalc.errors import LAYERS
from paramcalc.readers.config.patterns import FULL, SLIDING, every
from paramcalc.readers.families.decoder import Experts, Row
from paramcalc.readers.families.decoders.shared import DENSE_QKV, four_times, when
from paramcalc.readers.families.spellings import FC_LONG
from paramcalc.sanitize import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paramcalc.readers.config.config import Config

GPT = {"embed_tokens": "transformer.wte", "layers": "transformer.h", "norm": "transformer.ln_f",
       "input_layernorm": "ln_1", "self_attn": "attn"}
NEOX = {"embed_tokens": "gpt_neox.embed_in", "layers": "gpt_neox.layers", "norm": "gpt_neox.final_layer_norm",
        "lm_head": "embed_out", "self_attn": "attention"} | DENSE_QKV | FC_LONG


def inner(config: Config) -> int:
    """GPT-2's `n_inner`, by default four times the width."""
    return config.optional("n_inner") or four_times(config)


GPT2 = GPT | {"embed_positions": "transformer.wpe", "post_attention_layernorm": "ln_2", "qkv_proj": "c_attn",
              "o_proj": "c_proj", "up_proj": "c_fc", "down_proj": "c_proj"}
GPT1 = GPT2 | {"embed_tokens": "transformer.tokens_embed", "embed_positions": "transformer.positions_embed",
               "post_attention_layernorm": "ln_1", "post_feedforward_layernorm": "ln_2"}
NEO = GPT2 | {"self_attn": "attn.attention", "o_proj": "out_proj"}
NEOX_JAPANESE = {"embed_tokens": "gpt_neox_japanese.embed_in", "layers": "gpt_neox_japanese.layers",
                 "norm": "gpt_neox_japanese.final_layer_norm", "lm_head": "embed_out",
                 "self_attn": "attention"} | DENSE_QKV | FC_LONG


def cross_attention(
    config: Config, norm: str, path: str, names: Mapping[str, str], **fields: bool | str,
) -> dict[str, Any]:
    """The cross-attention that `add_cross_attention` puts into each layer."""
    if not config.flag("add_cross_attention"):
        return {}
    attention = {"num_heads": config.integer("num_attention_heads"), "cross": True, "bias": QKVO,
                 "names": dict(names)}
    return {"beside": {norm: Norm(kind="layernorm"), path: Attention.model_validate(attention | fields)}}


def _gpt2_crossing(config: Config, *_: str) -> dict[str, Any]:
    names = {"q_proj": "q_attn", "kv_proj": "c_attn", "o_proj": "c_proj"}
    return cross_attention(config, "ln_cross_attn", "crossattention", names, fused="kv",
                     transposed=config.model_type != "gpt_bigcode")


def _bigcode(config: Config, fields: dict[str, Any]) -> None:
    fields["num_kv_heads"] = 1 if config.flag("multi_query") else config.integer("num_attention_heads")


def _neo_layers(config: Config) -> list[str]:
    """`attention_types` is a list of `[words, times]`; silent, global and local take turns twelve times."""
    config.get("attention_layers")  # files hold this too, but the class makes it anew from attention_types
    written = config.get("attention_types")
    if written is None:
        written = [[["global", "local"], 12]]
    try:
        runs = [(list(of), times) for of, times in written]
        number = sum(len(of) * max(times, 0) for of, times in runs)
    except (TypeError, ValueError):
        raise config.expected("attention_types", "a list of [words, times]") from None
    if number != config.layers:  # before the list is made: a hundred bytes can ask for gigabytes
        raise config.error("attention_types", f"names {quote(number)} layers, but there are {config.layers:,}",
                           code=LAYERS)
    words = [word for of, times in runs for word in of * times]
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


def _gpt1_attention(config: Config, _: str) -> Attention:
    """The class has no cache."""
    return Attention(num_heads=config.integer("num_attention_heads"), bias=QKVO, fused="qkv",
                     transposed=True, cache_heads=0)


def _gpt1_names(config: Config) -> Mapping[str, str]:
    """The class of two heads saves the matrix they share with the table under the head's name."""
    shared = config.architecture.endswith("DoubleHeadsModel") and config.tied
    return GPT1 | {"embed_tokens": "lm_head", "lm_head": GPT1["embed_tokens"]} if shared else GPT1


def _jais(config: Config, fields: dict[str, Any]) -> None:
    """SwiGLU where the activation says so, ALiBi where the positions say so."""
    fields["gated"] = config.text("activation_function", "gelu") == "swiglu"
    if config.text("position_embedding_type", "learned") == "alibi":
        fields["position"] = "alibi"
        fields.pop("max_position_embeddings", None)


def _both_sides(config: Config) -> dict[str, Any]:
    """A token sees `sliding_window` others to each side (the class's create_bidirectional_sliding_window_mask)."""
    return {"sinks": True, "causal": False, "objective": "masked", "window": 2 * config.integer("sliding_window") + 1}


JAIS = GPT2 | {"gate_proj": "c_fc2"}

ROWS: dict[str, Row] = {
    "openai-gpt": Row(True, True, True, gated=False, norm="layernorm", position="learned", placement="post",
                      size=four_times, more={"transposed": True, "final_norm": False}, names=_gpt1_names,
                      mixer=_gpt1_attention, chooses=True),
    "gpt2": Row(True, True, True, gated=False, norm="layernorm", position="learned", size=inner, names=GPT2,
                more={"fused_qkv": True, "transposed": True}, block=_gpt2_crossing, tagger="classifier", chooses=True),
    "gpt-sw3": Row(True, True, True, gated=False, norm="layernorm", position="learned", size=inner, names=GPT2,
                more={"fused_qkv": True, "transposed": True}, block=_gpt2_crossing, tagger="classifier", chooses=True),
    "jais": Row(True, True, True, norm="layernorm", position="learned", size=inner, names=JAIS, adjust=_jais,
                more={"fused_qkv": True, "transposed": True}),
    "gpt_neo": Row(mlp_bias=True, gated=False, norm="layernorm", position="learned", names=NEO, mixer=_neo_attention,
                   size=lambda c: c.optional("intermediate_size") or four_times(c), mixers=_neo_layers,
                   tagger="classifier"),
    "gptj": Row(mlp_bias=True, head_bias=True, gated=False, norm="layernorm", placement="parallel", size=inner,
                names=GPT | {"o_proj": "out_proj", "up_proj": "fc_in", "down_proj": "fc_out"}),
    "codegen": Row(mlp_bias=True, head_bias=True, gated=False, norm="layernorm", placement="parallel", size=inner,
                   more={"fused_qkv": True},
                   names=GPT | {"o_proj": "out_proj", "up_proj": "fc_in", "down_proj": "fc_out"}),
    "gpt_neox": Row("attention_bias", "attention_bias", True, gated=False, norm="layernorm", names=NEOX,
                    placement=when("use_parallel_residual", "parallel_norms", "pre"), more={"fused_qkv": True},
                    tagger="classifier"),
    "gpt_neox_japanese": Row(gated=False, norm="layernorm", mixers=_japanese_layers, block=_japanese_bias,
                             size=lambda c: c.integer("intermediate_multiple_size") * c.integer("hidden_size"),
                             more={"fused_qkv": True}, names=NEOX_JAPANESE),
    "gpt_bigcode": Row(True, True, True, gated=False, norm="layernorm", position="learned", size=inner, names=GPT2,
                       more={"fused_qkv": True}, block=_gpt2_crossing, adjust=_bigcode, tagger="classifier"),
    "openai_privacy_filter": Row("attention_bias", "attention_bias", more=_both_sides,
                                 experts=Experts(size="intermediate_size", bias=True, router_bias=True,
                                                 more={"layout": "stacked", "fused": True})),
    "gpt_oss": Row("attention_bias", "attention_bias", pattern=lambda c: every(c, 2), more={"sinks": True},
                   experts=Experts(size="intermediate_size", bias=True, router_bias=True,
                                   more={"layout": "stacked", "fused": True})),
}
