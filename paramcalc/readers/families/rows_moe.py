"""Mixture-of-experts and latent-attention families that a row can say. Sources: the library's modeling file of each."""

from __future__ import annotations

from typing import Any

from paramcalc.components.indexer import Indexer
from paramcalc.readers.families.config import Config
from paramcalc.readers.families.decoder import Experts, Row
from paramcalc.readers.families.latent import latent, shared_experts
from paramcalc.readers.families.mtp import deepseek_mtp
from paramcalc.readers.families.patterns import FULL, SLIDING, all_sliding, every, sparse_layers, sparse_step

GATE = {"router": "gate"}
CORRECTED = GATE | {"correction_bias": "gate.e_score_correction_bias"}
W123 = {"router": "gate", "gate_proj": "w1", "down_proj": "w2", "up_proj": "w3", "mlp": "block_sparse_moe"}
STACKED = {"layout": "stacked", "fused": True, "stacked_transposed": False}
INDEXER = {"q_proj": "wq_b", "k_proj": "wk"}

DEEPSEEK = Experts("n_routed_experts", layers=sparse_layers, shared=shared_experts, correction_bias="buffer")
GLM = Experts("n_routed_experts", layers=lambda c: sparse_layers(c, 1), shared=shared_experts,
              correction_bias="buffer")


def _qwen2_moe_sliding(config: Config) -> list[str]:
    slides = config.flag("use_sliding_window")
    last = config.integer("max_window_layers", config.layers, least=0)
    return [SLIDING if slides and i % 2 == 0 and i < last else FULL for i in range(config.layers)]


def _indexer(config: Config, mixer: str, _: str) -> dict[str, Any]:
    """The indexer of a layer that has one of its own."""
    if mixer == "shared":
        return {}
    return {"beside": {"self_attn.indexer": Indexer(
        num_heads=config.integer("index_n_heads"), head_dim=config.integer("index_head_dim"),
        query_size=config.optional("q_lora_rank"), names=INDEXER)}}


def _indexed(config: Config) -> list[str]:
    return ["indexed"] * config.layers


def _indexer_types(config: Config) -> list[str]:
    """Layers whose indexer is their own, and those that take the choice of an earlier one (GLM-5)."""
    types = config.listed("indexer_types", str, config.layers)
    if types is None and (pattern := config.get("index_topk_pattern")) is not None:
        types = [{"F": "full", "S": "shared"}.get(word, word) for word in pattern]
    if types is None:
        period = max(config.integer("index_topk_freq", 1, least=0), 1)
        offset = config.integer("index_skip_topk_offset", 2, least=0)
        types = ["full" if max(i - offset + 1, 0) % period == 0 else "shared" for i in range(config.layers)]
    return ["shared" if word == "shared" else "indexed" for word in types]


def _llama4_experts(config: Config) -> list[str]:
    named = config.listed("moe_layers", int)
    step = config.integer("interleave_moe_layer_step", 1)
    sparse = set(range(step - 1, config.layers, step) if named is None else named)
    return ["moe" if i in sparse else "dense" for i in range(config.layers)]


def _llama4_chunks(config: Config) -> list[str]:
    interval = config.integer("no_rope_layer_interval", 4)
    rotary = config.listed("no_rope_layers", int) or [(i + 1) % interval for i in range(config.layers)]
    return ["chunked" if rotates else FULL for rotates in rotary]


def _ernie_layers(config: Config) -> list[str]:
    every_nth, first = config.integer("moe_layer_interval", 1), config.integer("moe_layer_start_index", 0, least=0)
    last = config.integer("moe_layer_end_index", -1, least=-1)
    last = config.layers - 1 if last == -1 else last
    return ["moe" if (i + 1) % every_nth == 0 and first <= i <= last else "dense" for i in range(config.layers)]


def _ernie_shared(config: Config) -> int:
    return config.integer("moe_num_shared_experts", 0, least=0) * config.integer("moe_intermediate_size")


def _granite(prefix: str, **more: Any) -> dict[str, str]:
    """Names relative to the layer: the shared feed-forward stands beside the experts, not among them."""
    return {"router": f"{prefix}.router", "shared_experts.gate_up_proj": "shared_mlp.input_linear",
            "shared_experts.down_proj": "shared_mlp.output_linear", **more}


def _granite_sliding(config: Config) -> list[str]:
    return [SLIDING if i % 4 else FULL for i in range(config.layers)]


GRANITE_FILE = _granite("block_sparse_moe", router="block_sparse_moe.router.layer",
                        **{"experts.gate_up_proj": "block_sparse_moe.input_linear.weight",
                           "experts.down_proj": "block_sparse_moe.output_linear.weight"})
GRANITE_CLASS = _granite("block_sparse_moe", experts="block_sparse_moe.experts")
GRANITE = Experts(size="intermediate_size", more=STACKED | {"path": "", "shared_fused": True},
                  shared=lambda c: c.integer("shared_intermediate_size", 0, least=0))

ROWS: dict[str, Row] = {
    "mixtral": Row(pattern=all_sliding, experts=Experts(size="intermediate_size"), names=W123),
    "qwen2_moe": Row("qkv_bias", pattern=_qwen2_moe_sliding, names=GATE | {"shared_experts": "shared_expert"},
                     experts=Experts("num_experts", layers=sparse_step, shared_gate=True,
                                     shared=lambda c: c.integer("shared_expert_intermediate_size"))),
    "qwen3_moe": Row("attention_bias", "attention_bias", qk_norm="head", names=GATE,
                     experts=Experts("num_experts", layers=sparse_step)),
    "gpt_oss": Row("attention_bias", "attention_bias", pattern=lambda c: every(c, 2), more={"sinks": True},
                   experts=Experts(size="intermediate_size", bias=True, router_bias=True,
                                   more={"layout": "stacked", "fused": True})),
    "olmoe": Row("attention_bias", "attention_bias", qk_norm="full", names=GATE,
                 experts=Experts("num_experts", size="intermediate_size")),
    "flex_olmo": Row("attention_bias", "attention_bias", qk_norm="full", names=GATE, placement="post",
                     experts=Experts("num_experts", size="intermediate_size")),
    "phimoe": Row("attention_bias", "attention_bias", head_bias="lm_head_bias", norm="layernorm", pattern=all_sliding,
                  experts=Experts(size="intermediate_size"), names=W123),
    "deepseek_v2": Row(mlp_bias="mlp_bias", mixer=latent, names=GATE, experts=Experts(
        "n_routed_experts", layers=sparse_layers, shared=shared_experts, shared_bias="mlp_bias")),
    "deepseek_v3": Row(mixer=latent, experts=DEEPSEEK, names=CORRECTED, mtp=deepseek_mtp),
    "deepseek_v32": Row(mixer=latent, mixers=_indexed, block=_indexer, experts=DEEPSEEK, names=CORRECTED,
                        mtp=deepseek_mtp),
    "glm_moe_dsa": Row(mixer=latent, mixers=_indexer_types, block=_indexer, experts=DEEPSEEK, names=CORRECTED,
                       mtp=deepseek_mtp),
    "glm4_moe": Row("attention_bias", uneven_heads=True, experts=DEEPSEEK, names=CORRECTED, mtp=deepseek_mtp,
                    qk_norm=lambda c: "head" if c.flag("use_qk_norm") else "none"),
    "glm4_moe_lite": Row(mixer=latent, experts=GLM, names=CORRECTED, mtp=deepseek_mtp),
    "solar_open": Row("attention_bias", names=CORRECTED, experts=Experts(
        "n_routed_experts", shared=shared_experts, correction_bias="buffer")),
    "mistral4": Row(mixer=latent, names=GATE, experts=Experts(
        "n_routed_experts", layers=sparse_layers, shared=shared_experts, more=STACKED)),
    "minicpm3": Row(mlp_bias="mlp_bias", mixer=latent),
    "youtu": Row(mlp_bias="mlp_bias", mixer=latent),
    "llama4_text": Row("attention_bias", "attention_bias", pattern=_llama4_chunks, size="intermediate_size_mlp",
                       names={"mlp": "feed_forward", "shared_experts": "shared_expert"},
                       experts=Experts(size="intermediate_size", layers=_llama4_experts,
                                       shared=lambda c: c.integer("intermediate_size"),
                                       more={"layout": "stacked", "fused": True})),
    "ernie4_5_moe": Row("use_bias", "use_bias", "use_bias", "use_bias",
                        names=GATE | {"correction_bias": "moe_statics.e_score_correction_bias"},
                        experts=Experts("moe_num_experts", "moe_k", layers=_ernie_layers, shared=_ernie_shared,
                                        shared_bias="use_bias", correction_bias="parameter",
                                        more={"correction_groups": 1})),
    "minimax_m2": Row(qk_norm="full", names=W123 | {"correction_bias": "e_score_correction_bias"},
                      experts=Experts(size="intermediate_size", correction_bias="buffer")),
    "granitemoe": Row("attention_bias", "attention_bias", experts=GRANITE, names=GRANITE_FILE),
    "granitemoeshared": Row("attention_bias", "attention_bias", experts=GRANITE, names=GRANITE_FILE),
    "granitemoe_swa": Row("attention_bias", "attention_bias", experts=GRANITE, names=GRANITE_CLASS,
                          more={"sinks": True}, pattern=_granite_sliding),
}
