"""The newest sparse decoders. Sources: the library's modeling file of each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from paramcalc.components.attention import Attention
from paramcalc.components.ffn import FeedForward
from paramcalc.components.linear import Parameter
from paramcalc.components.moe import MixtureOfExperts
from paramcalc.components.moe_attention import MoeAttention
from paramcalc.components.norm import Norm
from paramcalc.errors import Problem, SpecError
from paramcalc.readers.config.patterns import sparse_but_first, sparse_layers
from paramcalc.readers.families import moe_rules, sparse_rules
from paramcalc.readers.families.decoder import Experts, Row, topped
from paramcalc.readers.families.latent import latent, shared_experts
from paramcalc.spec.lower import lower
from paramcalc.spec.model import Block, ModelSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramcalc.components.latent_attention import LatentAttention
    from paramcalc.readers.config.config import Config

CORRECTED = {"router": "gate", "correction_bias": "gate.e_score_correction_bias"}
STACKED = {"layout": "stacked", "fused": True, "stacked_transposed": False}


def longcat_flash(config: Config) -> ModelSpec:
    """Two attentions and two feed-forwards a layer, and experts beside them, of which some compute nothing."""
    experts, idle = config.integer("n_routed_experts"), config.integer("zero_expert_num", 0, least=0)
    held = idle and config.get("zero_expert_type") is None
    if held:
        config.note("the library's class holds gate and up projections for zero-computation experts, so they are "
                    "counted; files published with zero_expert_type have none")
    twice = {"copies": 2}
    router = {"router": "router.classifier", "correction_bias": "router.e_score_correction_bias"}
    parts = {
        "input_layernorm.*": Norm(kind="rmsnorm", copies=2),
        "self_attn.*": latent(config).model_copy(update=twice),
        "post_attention_layernorm.*": Norm(kind="rmsnorm", copies=2),
        "mlps.*": FeedForward(intermediate_size=config.integer("ffn_hidden_size"), copies=2),
        "mlp": MixtureOfExperts(
            experts=experts, top_k=min(config.integer("moe_topk"), experts), names=router, correction_bias="buffer",
            intermediate_size=config.integer("expert_ffn_hidden_size"), router_rows=experts + idle,
            router_bias=config.flag("router_bias"), held_gate_up=experts + idle if held else None),
    }
    count = config.integer("num_layers") if "num_layers" in config.data else config.layers // 2
    return _decoder(config, parts, count)


def _decoder(config: Config, parts: dict[str, Any], count: int, names: dict[str, str] | None = None) -> ModelSpec:
    """A decoder of one kind of layer, given by its parts."""
    if count > 4096:
        raise SpecError(Problem(f"too many layers: {count:,}", (*config.path, config.spelled("num_layers"))))
    return ModelSpec.model_validate({
        "vocab_size": config.integer("vocab_size"), "hidden_size": config.integer("hidden_size"), "num_layers": count,
        "tie_embeddings": config.tied, "blocks": {"layer": {"parts": parts}}, **topped(config, names or {})})


def jetmoe(config: Config) -> ModelSpec:
    """Experts in the feed-forward and in the attention, with a shift after each."""
    experts, top_k = config.integer("num_local_experts"), config.integer("num_experts_per_tok")
    names = {"router": "router.layer", "experts.gate_up_proj": "input_linear.weight",
             "experts.down_proj": "output_linear.weight"}
    parts = {
        "input_layernorm": Norm(kind="rmsnorm"),
        "self_attention": MoeAttention(
            num_kv_heads=config.integer("num_key_value_heads"), head_dim=config.integer("kv_channels"), experts=experts,
            top_k=top_k, names={"q_proj": "input_linear", "o_proj": "output_linear", "router": "router.layer"}),
        "post_attention_layernorm": Norm(kind="rmsnorm"),
        "mlp": MixtureOfExperts.model_validate({
            "experts": experts, "top_k": top_k, "intermediate_size": config.integer("intermediate_size"),
            "names": names, **STACKED}),
        "mlp.bias": Parameter(shape=(config.integer("hidden_size"),), component="ffn"),
    }
    return _decoder(config, parts, config.layers)


def _nested(config: Config, key: str, defaults: dict[str, int]) -> dict[str, int]:
    """Integers of a mapping inside the config."""
    given = config.get(key) or {}
    if not isinstance(given, dict):
        raise config.error(key, "expected a mapping")
    found = {name: given.get(name, default) for name, default in defaults.items()}
    for name, value in found.items():
        if type(value) is not int or not 1 <= value <= 2**24:
            raise SpecError(Problem("expected an integer of at least 1", (*config.path, key, name)))
    return found


def dbrx(config: Config) -> ModelSpec:
    """One matrix for queries, keys and values; the experts' matrices lie below each other."""
    attention = _nested(config, "attn_config", {"kv_n_heads": 1})
    ffn = _nested(config, "ffn_config", {"ffn_hidden_size": 3584, "moe_num_experts": 4, "moe_top_k": 1})
    norm = Norm(kind="layernorm", bias=False)
    parts = {
        "norm_attn_norm.norm_1": norm,
        "norm_attn_norm.attn": Attention(
            num_heads=config.integer("num_attention_heads"), num_kv_heads=attention["kv_n_heads"], fused="qkv",
            names={"qkv_proj": "Wqkv", "o_proj": "out_proj"}),
        "norm_attn_norm.norm_2": norm,
        "ffn": MixtureOfExperts(
            experts=ffn["moe_num_experts"], top_k=ffn["moe_top_k"], intermediate_size=ffn["ffn_hidden_size"],
            layout="rows", names={"router": "router.layer", "experts": "experts.mlp", "gate_proj": "w1",
                                  "up_proj": "v1", "down_proj": "w2"}),
    }
    names = {"embed_tokens": "transformer.wte", "layers": "transformer.blocks", "norm": "transformer.norm_f"}
    return _decoder(config, parts, config.layers, names).model_copy(update={"norm": "layernorm", "norm_bias": False})


def relaid(spec: ModelSpec, change: Callable[[dict[str, Any]], dict[str, Any]]) -> ModelSpec:
    """A specification whose blocks are written out part by part and then changed."""
    layers = spec.layers or (next(iter(spec.blocks), "layer"),) * (spec.num_layers or 0)
    blocks = {name: Block(parts=change(dict(parts))) for name, parts in lower(spec).blocks.items()}
    return spec.model_copy(update={"blocks": blocks, "layers": layers})


def axk2_attention(config: Config, word: str) -> LatentAttention:
    """Latent attention whose query and gate are one matrix."""
    return latent(config, word).model_copy(update={"output_gate": "query"})


AXK2 = Row(mixer=axk2_attention, mixers=moe_rules.indexed, block=moe_rules.indexer,
           names=CORRECTED, experts=Experts("n_routed_experts", layers=lambda c: sparse_layers(c, 1),
                                            shared=shared_experts, correction_bias="buffer"))


def axk2(config: Config) -> ModelSpec:
    """The norm before attention is gated, and so is the one before experts."""
    gated = Norm(kind="rmsnorm", gate_rank=config.integer("gated_norm_rank"),
                 names={"gate_down": "W_down", "gate_up": "W_up"})

    def change(parts: dict[str, Any]) -> dict[str, Any]:
        sparse = any(isinstance(part, MixtureOfExperts) for part in parts.values())
        return parts | {"input_layernorm": gated} | ({"post_attention_layernorm": gated} if sparse else {})

    return relaid(AXK2(config), change)


V4_NAMES = {"self_attn": "attn", "mlp": "ffn", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
            "router": "gate", "correction_bias": "gate.bias", "gate_proj": "w1", "down_proj": "w2", "up_proj": "w3",
            "lm_head": "head"}
HY_V4_NAMES = CORRECTED | {"gate_proj": "linear_gate", "gate": "linear_gate", "sinks": "learnable_sink_param"}


def _v4_names(config: Config) -> dict[str, str]:
    return V4_NAMES | {"embed_tokens": "embed"} if config.bare else V4_NAMES


def _v4_more(config: Config) -> dict[str, Any]:
    path, prefix = ("", "hc_head_") if config.bare else (None, "hc_")
    return {"outputs": {"model.hc_head": sparse_rules.hyper(config, "pre", path, prefix)}}


def _hy_v4_more(config: Config) -> dict[str, Any]:
    path = "hc_head.hc_pre" if config.bare else "model.hc_pre.hc_head"
    return {"outputs": {path: sparse_rules.hyper(config, "pre", None, "hc_head_")}}


def _zaya_more(config: Config) -> dict[str, Any]:
    values = Parameter(shape=(config.integer("hidden_size"),))
    return {"inputs": {sparse_rules.placed(config, f"model.input_hidden_states_{name}"): values
                       for name in ("scale", "bias")}}


def _untied(_: Config, fields: dict[str, Any]) -> None:
    fields["tie_embeddings"] = False


INKLING2 = Row(
    mixers=sparse_rules.inkling_layers, mixer=sparse_rules.inkling2_attention, block=sparse_rules.inkling2_block,
    experts=Experts("n_routed_experts", correction_bias="buffer", more=STACKED), adjust=_untied,
    more=sparse_rules.inkling2_queries,
    names={"embed_tokens": "model.llm.embed", "embedding_norm": "model.llm.embed_norm", "layers": "model.llm.layers",
           "norm": "model.llm.norm", "lm_head": "model.llm.unembed", "self_attn": "attn",
           "input_layernorm": "attn_norm", "post_attention_layernorm": "mlp_norm", "q_proj": "wq_du",
           "k_proj": "wk_dv", "v_proj": "wv_dv", "o_proj": "wo_ud", "gate": "gate_attn", "router": "gate",
           "experts.gate_up_proj": "experts.w13_weight", "experts.down_proj": "experts.w2_weight",
           "correction_bias": "gate.bias"})


def inkling2(config: Config) -> ModelSpec:
    """Full layers norm what queries, keys and values are made from apart, in place of one norm."""
    def change(parts: dict[str, Any]) -> dict[str, Any]:
        return {key: part for key, part in parts.items() if key != "attn_norm" or "q_input_norm" not in parts}

    return relaid(INKLING2(config), change)


ROWS: dict[str, Callable[[Config], ModelSpec]] = {
    "longcat_flash": longcat_flash,
    "jetmoe": jetmoe,
    "dbrx": dbrx,
    "axk2": axk2,
    "inkling2_text": inkling2,
    "deepseek_v4": Row(mixers=sparse_rules.v4_layers, mixer=sparse_rules.v4_attention, block=sparse_rules.v4_block,
                       experts=replace(sparse_rules.V4_EXPERTS, layers=sparse_rules.v4_feed_forwards),
                       names=_v4_names, more=_v4_more),
    "hy_v4": Row(mixers=sparse_rules.hy_v4_layers, mixer=sparse_rules.hy_v4_attention, block=sparse_rules.hy_v4_block,
                 experts=Experts("n_routed_experts", layers=sparse_but_first, shared=shared_experts,
                                 correction_bias="buffer", more=STACKED),
                 names=HY_V4_NAMES, more=_hy_v4_more),
    "inkling_text": Row(mixers=sparse_rules.inkling_layers, mixer=sparse_rules.inkling_attention,
                        block=sparse_rules.inkling_block, size=lambda c: sparse_rules.inkling_sizes_of_experts(c)[0],
                        experts=Experts(layers=lambda c: ["sparse" if word == "moe" else word for word
                                                          in sparse_rules.inkling_feed_forwards(c)]),
                        names={"router": "gate", "embedding_norm": "model.embed_tokens.embed_norm"},
                        more={"embedding_norm": True}, adjust=_untied),
    "zaya": Row(mixers=sparse_rules.zaya_layers, mixer=sparse_rules.zaya_attention, block=sparse_rules.zaya_block,
                head_bias="lm_head_bias", experts=Experts(layers=sparse_rules.zaya_feed_forwards), more=_zaya_more,
                names={"q_proj": "qkv_proj.q_proj", "k_proj": "qkv_proj.k_proj", "temperature": "qk_norm.temp",
                       "v_proj_current": "qkv_proj.v_proj_current", "v_proj_delayed": "qkv_proj.v_proj_delayed",
                       "conv_qk_depthwise": "qkv_proj.conv_qk_depthwise",
                       "conv_qk_grouped": "qkv_proj.conv_qk_grouped"}),
}
