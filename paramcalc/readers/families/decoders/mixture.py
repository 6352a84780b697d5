"""Mixtures of experts that are no member of a larger family tree: a row each, by name.

Sources: transformers' modeling file of each, and what a row or rule names.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from paramcalc.components.attention import QKV, QKVO, Attention
from paramcalc.components.ffn import FeedForward
from paramcalc.components.linear import Parameter
from paramcalc.components.moe import MixtureOfExperts
from paramcalc.components.moe_attention import MoeAttention
from paramcalc.components.norm import Norm
from paramcalc.errors import TOP_K, Problem, SpecError
from paramcalc.readers.config.patterns import (
    FULL,
    SLIDING,
    every,
    from_layer,
    own_layers,
    sparse_but_first,
    sparse_layers,
    sparse_step,
)
from paramcalc.readers.families.decoder import Experts, Row, topped
from paramcalc.readers.families.decoders.deepseek import DEEPSEEK, indexed, indexer, latent, shared_experts
from paramcalc.readers.families.decoders.prediction import longcat_mtp, mellum_mtp, mimo_mtp
from paramcalc.readers.families.decoders.shared import CORRECTED, GATE, STACKED, relaid, times
from paramcalc.readers.text.values import expected
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from paramcalc.components.base import Component
    from paramcalc.components.latent_attention import LatentAttention
    from paramcalc.readers.config.config import Builder, Config


def _flint(config: Config) -> list[str]:
    last = config.layers - 1
    return [FULL if i < 2 or i % 4 == 1 or i == last else SLIDING for i in range(config.layers)]


def _flint_experts(config: Config) -> list[str]:
    """Silent, the first two layers are dense."""
    words = sparse_step(config)
    if config.get("mlp_only_layers") is not None:
        return words
    return ["dense" if i < 2 else word for i, word in enumerate(words)]


def _mellum_experts(config: Config) -> list[str]:
    return sparse_layers(config) if config.get("mlp_layer_types") is not None else ["moe"] * config.layers


SPARSE_FROM_ONE = Experts("n_routed_experts", layers=lambda c: sparse_layers(c, 1), shared=shared_experts,
                          correction_bias="buffer")


def afmoe_block(config: Config, _: str, ffn: str) -> dict[str, Any]:
    """The values that steer the choice of experts, which AFMoE keeps beside its router."""
    if ffn != "moe":
        return {}
    bias = Parameter(shape=(config.integer("num_experts"),), component="ffn", frozen=True)
    return {"beside": {"mlp.expert_bias": bias}}


def beam_block(config: Config, _: str, __: str) -> dict[str, Any]:
    """A value for each head beside the gate on what attention gives."""
    return {"beside": {"self_attn.gate_bias": Parameter(shape=(config.integer("num_attention_heads"),),
                                                        component="attention")}}


def axk1_block(_: Config, __: str, ffn: str) -> dict[str, Any]:
    """A norm after the experts."""
    return {"beside": {"post_mlp_layernorm": Norm(kind="rmsnorm")}} if ffn == "moe" else {}


def laguna_heads(config: Config) -> list[str]:
    """Window and number of query heads of each layer."""
    types = config.listed("layer_types", str, config.layers) or ["full_attention"] * config.layers
    heads = config.per_layer("num_attention_heads_per_layer", config.layers, config.integer("num_attention_heads"))
    return [f"{'sliding' if kind == 'sliding_attention' else 'full'}_{n}" for kind, n in zip(types, heads, strict=True)]


def laguna_attention(config: Config, word: str) -> Attention:
    """Gated attention with a number of query heads of its own."""
    kind, heads = word.split("_")
    per_head = config.get("gating") is True or config.get("gating") == "per-head"
    return Attention(num_heads=int(heads), num_kv_heads=config.kv_heads, head_dim=config.head_dim, qk_norm="head",
                     bias=QKVO if config.flag("attention_bias") else (),
                     output_gate="head" if per_head else "full",
                     window=config.integer("sliding_window") if kind == SLIDING else None)


def mimo_layers(config: Config) -> list[str]:
    """The first layer and every sixth are full, unless the published pattern says otherwise (1 slides)."""
    pattern = config.listed("hybrid_layer_pattern", int, config.layers)
    if pattern is not None:
        return [SLIDING if slides else FULL for slides in pattern]
    return [FULL if i == 0 or (i + 1) % 6 == 0 else SLIDING for i in range(config.layers)]


def mimo_attention(config: Config, word: str) -> Attention:
    """Sliding layers have sinks and twice the key and value heads."""
    slides, heads, kv_heads = word == SLIDING, config.integer("num_attention_heads"), config.kv_heads
    doubled = slides and not config.optional("swa_num_key_value_heads")
    if slides:
        kv_heads = 2 * kv_heads if doubled else config.integer("swa_num_key_value_heads")
    if doubled and heads % kv_heads:
        config.note(f"{kv_heads} key and value heads do not divide {heads} query heads: this model cannot run")
    span = config.optional("sliding_window_size")
    return Attention(num_heads=heads, num_kv_heads=kv_heads, head_dim=config.head_dim,
                     uneven_groups=doubled and bool(heads % kv_heads), v_head_dim=config.integer("v_head_dim"),
                     sinks=slides, bias=QKV if config.flag("attention_bias") else (),
                     window=(span + 1 if span else config.integer("sliding_window")) if slides else None)


SWA_DEFAULTS = {"num_attention_heads": 64, "q_lora_rank": 1024, "kv_lora_rank": 1024, "head_dim": 256,
                "qk_nope_head_dim": 192, "v_head_dim": 128}


DOTS3_OWN = (*SWA_DEFAULTS, "qk_rope_head_dim", "num_key_value_heads")
"""What a layer may say of its own; latent attention has as many keys as queries."""


def dots3_layers(config: Config) -> list[str]:
    """Two full layers, then one of four; full layers are indexed unless `use_dsa` says no."""
    dsa = config.get("use_dsa", None if "per_layer_config" in config.data else True)
    types = config.listed("layer_types", str, config.layers)
    if types is None:
        slides = config.flag("use_sliding_window", default=True)
        types = ["full_attention" if not slides or i < 2 or i % 4 == 1 else "sliding_attention"
                 for i in range(config.layers)]
        dsa = dsa is not False
    words = {"full_attention": FULL, "indexed_attention": "indexed", "sliding_attention": SLIDING}
    if dsa is not None:
        words |= dict.fromkeys(("full_attention", "indexed_attention"), "indexed" if dsa else FULL)
    return [words.get(kind, kind) for kind in types]


def _dots3_own(config: Config, word: str) -> dict[str, int]:
    """What sliding layers say otherwise than the rest: by layer, or in the published `swa_` keys."""
    if config.get("per_layer_config") is not None:
        layers = own_layers(config, DOTS3_OWN)
        of_word = [layers.get(index, {}) for index, kind in enumerate(dots3_layers(config)) if kind == word]
        if any(each != of_word[0] for each in of_word):
            raise config.error("per_layer_config", f"layers of {word} attention differ from each other, "
                               "which is not described")
        return of_word[0]
    if word != SLIDING:
        return {}
    own = {key: config.integer(f"swa_{key}", default) for key, default in SWA_DEFAULTS.items()}
    rope = config.integer("swa_qk_rope_head_dim", own["head_dim"] - own["qk_nope_head_dim"])
    return own | {"qk_rope_head_dim": rope}


def dots3_attention(config: Config, word: str) -> LatentAttention:
    """Latent attention with a gate a head and a norm on the rotary key; sliding layers have sizes of their own."""
    own = _dots3_own(config, word)
    sizes = {"num_heads" if key == "num_attention_heads" else key: value for key, value in own.items()
             if key in SWA_DEFAULTS.keys() - {"head_dim"} | {"qk_rope_head_dim"}}
    window = config.optional("sliding_window") or config.integer("sliding_window_size", 512)
    return latent(config, word).model_copy(update={
        **sizes, "output_gate": "head", "rope_norm": True, "window": window if word == SLIDING else None})


def indexer_if_indexed(config: Config, mixer: str, ffn: str) -> dict[str, Any]:
    """The indexer, on the layers that are sparse; its keys come out of fp32 rotary tables."""
    if mixer != "indexed":
        return {}
    part = indexer(config, mixer, ffn)["beside"]["self_attn.indexer"]
    return {"beside": {"self_attn.indexer": part.model_copy(update={"key_dtype": "float32"})}}


def longcat_flash(config: Config) -> ModelSpec:
    """Two attentions and two feed-forwards a layer, and experts beside them, of which some compute nothing."""
    experts, idle = config.integer("n_routed_experts"), config.integer("zero_expert_num", 0, least=0)
    stored = idle and config.get("zero_expert_type") is None
    if stored:
        config.note("the library's class holds gate and up projections for zero-computation experts, so they are "
                    "counted; files published with zero_expert_type have none")
    chosen = config.integer("moe_topk")
    if chosen > experts + idle:
        raise config.error("moe_topk", f"{chosen:,} is more than the {experts + idle:,} experts", code=TOP_K)
    query = config.integer("qk_nope_head_dim") + config.integer("qk_rope_head_dim")
    if config.optional("qk_head_dim") not in (None, query):  # of queries alone, which then fit no key
        raise config.error("qk_head_dim", f"must be qk_nope_head_dim + qk_rope_head_dim ({query})")
    twice = {"copies": 2}
    router = {"router": "router.classifier", "correction_bias": "router.e_score_correction_bias"}
    parts = {
        "input_layernorm.*": Norm(kind="rmsnorm", copies=2),
        "self_attn.*": latent(config).model_copy(update=twice),
        "post_attention_layernorm.*": Norm(kind="rmsnorm", copies=2),
        "mlps.*": FeedForward(intermediate_size=config.integer("ffn_hidden_size"), copies=2),
        "mlp": MixtureOfExperts(
            experts=experts, top_k=min(chosen, experts), names=router, correction_bias="buffer",
            intermediate_size=config.integer("expert_ffn_hidden_size"), router_rows=experts + idle,
            router_bias=config.flag("router_bias"), held_gate_up=experts + idle if stored else None),
    }
    count = config.integer("num_layers") if "num_layers" in config.data else config.layers // 2
    return longcat_mtp(config, _decoder(config, parts, count))


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


def _nested(config: Config, key: str, defaults: dict[str, int], *neutral: str) -> dict[str, int]:
    """Integers of a mapping inside the config; `neutral`: what the class writes into it, whatever the file says."""
    inner = config.settings(key, *defaults, *neutral)
    values = {name: inner.get(name, default) for name, default in defaults.items()}
    for name, value in values.items():
        if type(value) is not int or not 1 <= value <= 2**24:
            raise SpecError(Problem(expected("an integer of at least 1", value), (*config.path, key, name)))
    return values


def dbrx(config: Config) -> ModelSpec:
    """One matrix for queries, keys and values; the experts' matrices lie below each other."""
    attention = _nested(config, "attn_config", {"kv_n_heads": 1})
    ffn = _nested(config, "ffn_config", {"ffn_hidden_size": 3584, "moe_num_experts": 4, "moe_top_k": 1},
                  "hidden_size")
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


def axk2_attention(config: Config, word: str) -> LatentAttention:
    """Latent attention whose query and gate are one matrix."""
    return latent(config, word).model_copy(update={"output_gate": "query"})


AXK2 = Row(mixer=axk2_attention, mixers=indexed, block=indexer,
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


def _mimo_mtp(config: Config, spec: ModelSpec) -> dict[str, Component]:
    """Its prediction layers attend as its sliding ones do."""
    return mimo_mtp(config, spec, mimo_attention(config, SLIDING))


def _mimo_experts(config: Config) -> list[str]:
    """A flag for each layer in published files; else all layers but the first."""
    if isinstance(config.get("moe_layer_freq"), list):
        return ["moe" if flag else "dense" for flag in config.per_layer("moe_layer_freq", config.layers)]
    return sparse_but_first(config)


ROWS: dict[str, Builder] = {
    "afmoe": Row("attention_bias", "attention_bias", qk_norm="head", placement="sandwich",
                 pattern=lambda c: every(c, c.integer("global_attn_every_n_layers")), more={"output_gate": "full"},
                 names={"router": "router.gate", "gate": "gate_proj", "pre_feedforward_layernorm": "pre_mlp_layernorm",
                        "post_feedforward_layernorm": "post_mlp_layernorm"}, block=afmoe_block,
                 experts=Experts("num_experts", shared=times("num_shared_experts", "moe_intermediate_size"),
                                 layers=lambda c: from_layer(c, c.integer("num_dense_layers", 0, least=0)))),
    "beam": Row("attention_bias", "attention_bias", qk_norm="head", placement="sandwich",
                pattern=lambda c: every(c, 4), more={"output_gate": "full"}, block=beam_block,
                names=CORRECTED | {"gate": "gate_proj"},
                experts=Experts("num_experts", layers=lambda c: sparse_layers(c, 3), correction_bias="buffer")),
    "aria_text": Row("attention_bias", "attention_bias", names={"experts.gate_up_proj": "experts.fc1.weight",
                                                                "experts.down_proj": "experts.fc2.weight"},
                     experts=Experts("moe_num_experts", "moe_topk", "intermediate_size", shared_bias="mlp_bias",
                                     shared=times("moe_num_shared_experts", "intermediate_size"),
                                     more={"layout": "stacked", "fused": True})),
    "axk1": Row(mixer=latent, block=axk1_block, experts=SPARSE_FROM_ONE, names=CORRECTED),
    "axk2": axk2,
    "dbrx": dbrx,
    "dots3_note_text": Row(mixers=dots3_layers, mixer=dots3_attention, block=indexer_if_indexed,
                           names=CORRECTED | {"gate": "g_proj", "k_rope_layernorm": "k_rope_only_layernorm"},
                           experts=replace(SPARSE_FROM_ONE, shared=times("n_shared_experts",
                                                                               "shared_experts_intermediate_size"))),
    "dots1": Row("attention_bias", "attention_bias", qk_norm="head", names=CORRECTED,
                 experts=DEEPSEEK),
    "flint": Row("attention_bias", "attention_bias", qk_norm="head", pattern=_flint, more={"sinks": True},
                 experts=Experts("num_experts", layers=_flint_experts,
                                 shared=lambda c: c.integer("shared_expert_intermediate_size")),
                 names={"sinks": "softmax_offset", "router": "gate", "shared_experts": "shared_expert"}),
    "jetmoe": jetmoe,
    "kolibri1": Row(qk_norm="head", placement="sandwich", pattern=lambda c: every(c, 5),
                    names={"router": "mlp.gate", "experts": "mlp.experts", "shared_experts": "mlp.shared_experts",
                           "correction_bias": "moe.router.expert_bias", "post_attention_layernorm": "post_attn_norm",
                           "pre_feedforward_layernorm": "post_attention_layernorm",
                           "post_feedforward_layernorm": "post_ffn_norm"},
                    experts=Experts(shared=lambda c: c.integer("shared_expert_intermediate_size"),
                                    correction_bias="buffer", more={"path": ""})),
    "laguna": Row(mixers=laguna_heads, mixer=laguna_attention,
                  names=GATE | {"gate": "g_proj", "shared_experts": "shared_expert",
                                "correction_bias": "experts.e_score_correction_bias"},
                  experts=Experts("num_experts", layers=sparse_but_first, correction_bias="parameter",
                                  shared=lambda c: c.integer("shared_expert_intermediate_size"))),
    "longcat_flash": longcat_flash,
    "mellum": Row("attention_bias", "attention_bias", qk_norm="head", mtp=mellum_mtp, names={"router": "gate"},
                  experts=Experts("num_experts", layers=_mellum_experts)),
    "mimo_v2_flash": Row(pattern=mimo_layers, mixer=mimo_attention, mtp=_mimo_mtp,
                         names=CORRECTED | {"sinks": "attention_sink_bias"},
                         experts=Experts("n_routed_experts", layers=_mimo_experts, correction_bias="buffer")),
    "solar_open": Row("attention_bias", names=CORRECTED, experts=Experts(
        "n_routed_experts", shared=shared_experts, correction_bias="buffer")),
}
