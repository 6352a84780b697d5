"""Families that recur: RWKV, xLSTM, RecurrentGemma, Kimi Linear, Ling and OLMo with delta rules.

Sources: the library's configuration and modeling files of each.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from paramcalc.components.delta_rule import GatedDelta, KimiDelta
from paramcalc.components.ffn import FeedForward
from paramcalc.components.latent_attention import LatentAttention
from paramcalc.components.mlstm import MatrixLstm
from paramcalc.components.norm import Norm
from paramcalc.components.rg_lru import RecurrentBlock
from paramcalc.components.rwkv import ChannelMix, TimeMix
from paramcalc.errors import LAYERS
from paramcalc.readers.config.config import Config
from paramcalc.readers.config.patterns import FULL, LINEAR, SLIDING, cycled, every, mixers, sparse_layers
from paramcalc.readers.families.decoder import Experts, Row
from paramcalc.readers.families.latent import latent, shared_experts
from paramcalc.readers.families.moe_rules import indexer, indexer_types
from paramcalc.readers.families.mtp import GENERATES
from paramcalc.readers.families.rows_moe import CORRECTED
from paramcalc.readers.families.scans import gated_delta
from paramcalc.readers.families.sparse_rules import hyper

if TYPE_CHECKING:
    from paramcalc.components.base import Component
    from paramcalc.spec.model import ModelSpec

RWKV = {"embed_tokens": "rwkv.embeddings", "layers": "rwkv.blocks", "norm": "rwkv.ln_out", "lm_head": "head",
        "input_layernorm": "ln1", "post_attention_layernorm": "ln2", "self_attn": "attention", "mlp": "feed_forward"}
XLSTM = {"embed_tokens": "backbone.embeddings", "layers": "backbone.blocks", "norm": "backbone.out_norm",
         "input_layernorm": "norm_mlstm", "post_attention_layernorm": "norm_ffn", "self_attn": "mlstm_layer",
         "mlp": "ffn"}
XLSTM_FFN = {"gate_proj": "proj_up_gate", "up_proj": "proj_up", "down_proj": "proj_down",
             "gate_up_proj": "proj_up_gate_z"}
GRIFFIN = {"input_layernorm": "temporal_pre_norm", "post_attention_layernorm": "channel_pre_norm",
           "norm": "model.final_norm", "self_attn": "temporal_block", "mlp": "mlp_block"}
KIMI = CORRECTED | {"mlp": "block_sparse_moe", "experts.*.gate_proj": "experts.*.w1",
                    "experts.*.down_proj": "experts.*.w2", "experts.*.up_proj": "experts.*.w3"}
LING = CORRECTED | {"embed_tokens": "model.word_embeddings", "self_attn": "attention", "o_proj": "dense",
                    "gate": "g_proj"}
KDA_SIZES = ("head_dim", "num_heads", "short_conv_kernel_size")
OLMO_DELTA = {"norm": "o_norm", "out_proj": "o_proj"}


def _no_ffn(config: Config) -> list[str]:
    return ["none"] * config.layers


def _rwkv_layers(config: Config) -> list[str]:
    return ["first"] + ["rest"] * (config.layers - 1)


def _time_mix(config: Config, _: str) -> TimeMix:
    return TimeMix(attention_size=config.optional("attention_hidden_size"))


def _rwkv_block(config: Config, word: str, _: str) -> dict[str, Any]:
    size = config.optional("intermediate_size") or 4 * config.integer("hidden_size")
    more = {"beside": {"pre_ln": Norm(kind="layernorm")}} if word == "first" else {}
    return {"ffn": ChannelMix(intermediate_size=size), **more}


def _griffin_mixer(config: Config, word: str) -> RecurrentBlock | None:
    if word == SLIDING:
        return None
    return RecurrentBlock(lru_width=config.optional("lru_width") or config.integer("hidden_size"),
                          num_heads=config.integer("num_attention_heads"), conv_kernel=config.integer("conv1d_width"))


def xlstm(config: Config) -> ModelSpec:
    """`num_blocks` and `embedding_dim` go before `num_hidden_layers` and `hidden_size`, as in the class."""
    named = {"num_hidden_layers": config.get("num_blocks"), "hidden_size": config.get("embedding_dim")}
    given = {key: value for key, value in named.items() if value is not None}
    inner = Config(config.data | given, config.family, config.model_type, config.architecture, config.path,
                   config.outer)
    spec = XLSTM_ROW(inner)
    config.read |= inner.read
    return spec


def _mlstm(config: Config, _: str) -> MatrixLstm:
    width = config.integer("hidden_size")
    return MatrixLstm(
        num_heads=config.integer("num_heads"), qk_size=int(width * config.number("qk_dim_factor")),
        v_size=int(width * config.number("v_dim_factor")), bias=config.flag("use_bias"),
        layout="fused" if config.choice("weight_mode", ("single", "fused")) == "fused" else "single",
    )


def _xlstm_block(config: Config, *_: str) -> dict[str, Any]:
    multiple = config.integer("ffn_round_up_to_multiple_of")
    exact = config.integer("hidden_size") * config.number("ffn_proj_factor")
    return {"ffn": FeedForward(
        intermediate_size=int((exact + multiple - 1) // multiple) * multiple, bias=config.flag("use_bias"),
        fused=config.text("weight_mode") == "fused", names=XLSTM_FFN)}


def _xlstm_norms(config: Config, fields: dict[str, Any]) -> None:
    """Only norms within a layer have a shift."""
    if config.flag("use_bias"):
        fields["blocks"] = {"layer": {"norm_bias": True}}


XLSTM_ROW = Row(position="none", mixers=lambda c: [LINEAR] * c.layers, mixer=_mlstm, block=_xlstm_block,
                experts=Experts(layers=_no_ffn), names=XLSTM, more={"tie_embeddings": False}, adjust=_xlstm_norms)


def _linear_attn(config: Config) -> dict[str, Any]:
    found = config.get("linear_attn_config")
    if found is not None and not isinstance(found, dict):
        raise config.error("linear_attn_config", "expected a mapping")
    return found or {}


def _kimi_layers(config: Config) -> list[str]:
    """Lists of layers counted from 1, else full attention at each fourth layer but the first."""
    said = _linear_attn(config)
    if "full_attn_layers" not in said or "kda_layers" not in said:
        return [FULL if i and i % 4 == 0 else LINEAR for i in range(config.layers)]
    lists = [said["full_attn_layers"], said["kda_layers"]]
    if not all(isinstance(one, list) and all(type(item) is int for item in one) for one in lists):
        raise config.error("linear_attn_config", "full_attn_layers and kda_layers must be lists of integers")
    full, linear = set(lists[0]), set(lists[1])
    for layer in range(1, config.layers + 1):
        if (layer in full) == (layer in linear):
            raise config.error("linear_attn_config", f"layer {layer} must be in one of full_attn_layers, kda_layers",
                               code=LAYERS)
    return [FULL if layer in full else LINEAR for layer in range(1, config.layers + 1)]


def _kimi_mixer(config: Config, word: str) -> Component:
    if word == FULL:
        return latent(config).model_copy(update={"component": "state_mixer"})
    config.read |= {"mla_use_nope", "moe_router_activation_func", "use_grouped_topk"}
    said = {key: value for key, value in _linear_attn(config).items() if key in KDA_SIZES}
    if not all(type(value) is int and 0 < value <= 2**20 for value in said.values()):
        raise config.error("linear_attn_config", f"{', '.join(KDA_SIZES)} must be integers of at least 1")
    head_dim = said.get("head_dim", config.integer("linear_head_dim"))
    return KimiDelta(
        num_heads=said.get("num_heads", config.integer("linear_num_heads")), head_dim=head_dim, gate_rank=head_dim,
        conv_kernel=said.get("short_conv_kernel_size", config.integer("linear_conv_kernel_dim")),
        decay_shape="broadcast")


def _ling_mixer(config: Config, word: str) -> Component:
    heads = config.integer("num_attention_heads")
    if word == FULL:
        return LatentAttention(
            num_heads=heads, kv_lora_rank=config.integer("kv_lora_rank"), output_gate="head",
            qk_nope_head_dim=config.integer("qk_nope_head_dim"), v_head_dim=config.integer("v_head_dim"),
            qk_rope_head_dim=config.integer("qk_rope_head_dim", least=0),
            bias=("kv_a", "o") if config.flag("attention_bias") else ())
    return KimiDelta(
        num_heads=config.optional("linear_num_heads") or heads,
        head_dim=config.optional("linear_head_dim") or config.integer("head_dim"),
        conv_kernel=config.optional("linear_conv_kernel_dim") or config.integer("short_conv_kernel_size"),
        names={"o_proj": "dense"})


def _unknown_mtp(config: Config, _: ModelSpec, key: str) -> dict[str, Component]:
    """Said, not counted: no public class or document has the shape of these layers."""
    if config.integer(key, 0, least=0) and config.task in GENERATES:
        config.note("the files' multi-token prediction layers are not counted, not even apart")
    return {}


def _glm_layers(config: Config) -> list[str]:
    """Latent attention over chosen keys at each fourth layer, some of which take an earlier one's choice."""
    words = mixers(config, every(config, 4, FULL, LINEAR))
    return [LINEAR if word == LINEAR else chosen for word, chosen in zip(words, indexer_types(config), strict=True)]


def _glm_mixer(config: Config, word: str) -> Component:
    if word != LINEAR:
        return latent(config, word)
    return _kimi_mixer(config, LINEAR).model_copy(update={"decay_shape": "heads"})


def _glm_block(config: Config, word: str, ffn: str) -> dict[str, Any]:
    parts: dict[str, Component] = {
        place: hyper(config, "pre_post_mix", "", f"{place}_") for place in ("hc_attn", "hc_ffn")}
    found = {} if word == LINEAR else indexer(config, word, ffn).get("beside", {})
    pooled = {path: part.model_copy(update={"pool": config.integer("index_kpool")}) for path, part in found.items()}
    return {"beside": parts | pooled}


def _olmo_layers(config: Config) -> list[str]:
    """Full attention at each fourth layer, and at the last one where that gives none."""
    words = every(config, 4, FULL, LINEAR)
    return words if FULL in words else [*words[:-1], FULL]


def _olmo_mixer(config: Config, word: str) -> GatedDelta | None:
    part = gated_delta(config, word, "separate")
    return None if part is None else part.model_copy(update={"names": OLMO_DELTA})


def _olmo_block(_: Config, word: str, __: str) -> dict[str, Any]:
    return {"norm_placement": "pre" if word == LINEAR else "post"}


ROWS: dict[str, Row] = {
    "rwkv": Row(norm="layernorm", position="none", mixers=_rwkv_layers, mixer=_time_mix, block=_rwkv_block,
                experts=Experts(layers=_no_ffn), names=RWKV),
    "recurrent_gemma": Row(
        "attention_bias", o_bias=True, mlp_bias=True, uneven_heads=True, names=GRIFFIN, mixer=_griffin_mixer,
        mixers=lambda c: cycled(c, "block_types", {"recurrent": LINEAR, "attention": SLIDING}),
        size=lambda c: c.integer("intermediate_size") // 2),
    "kimi_linear": Row(
        position="none",
        pattern=_kimi_layers, mixer=_kimi_mixer, names=KIMI,
        more={"tie_embeddings": False, "state_dtype": "float32"},
        mtp=partial(_unknown_mtp, key="num_nextn_predict_layers"),
        experts=Experts("num_local_experts", layers=partial(sparse_layers, first=1), shared=shared_experts,
                        correction_bias="buffer")),
    "bailing_hybrid": Row(
        pattern=lambda c: every(c, c.integer("layer_group_size"), FULL, LINEAR), mixer=_ling_mixer, names=LING,
        more={"tie_embeddings": False}, mtp=partial(_unknown_mtp, key="num_mtp_layers"),
        experts=Experts(layers=sparse_layers, shared=shared_experts, correction_bias="buffer")),
    "glm5_next_text": Row(
        mixers=_glm_layers, mixer=_glm_mixer, block=_glm_block, names=CORRECTED, experts=Experts(
            "n_routed_experts", layers=partial(sparse_layers, first=3), shared=shared_experts,
            correction_bias="buffer")),
    "olmo_hybrid": Row("attention_bias", "attention_bias", pattern=_olmo_layers, mixer=_olmo_mixer, qk_norm="full",
                       block=_olmo_block, names={"self_attn.gated_delta": "linear_attn",
                                                 "input_layernorm": "attention_layer_norm",
                                                 "post_attention_layernorm": "feedforward_layer_norm"}),
}
