"""Mixture-of-experts and latent-attention families that a row can say. Sources: the library's modeling file of each."""

from __future__ import annotations

from dataclasses import replace

from paramcalc.readers.config.patterns import (
    all_sliding,
    every,
    from_layer,
    sparse_but_first,
    sparse_layers,
    sparse_step,
    used_sliding,
)
from paramcalc.readers.families import moe_rules as rules
from paramcalc.readers.families.decoder import Experts, Row
from paramcalc.readers.families.latent import latent, shared_experts
from paramcalc.readers.families.mtp import deepseek_mtp

GATE = {"router": "gate"}
CORRECTED = GATE | {"correction_bias": "gate.e_score_correction_bias"}
W123 = {"router": "gate", "gate_proj": "w1", "down_proj": "w2", "up_proj": "w3", "mlp": "block_sparse_moe"}
STACKED = {"layout": "stacked", "fused": True, "stacked_transposed": False}

DEEPSEEK = Experts("n_routed_experts", layers=sparse_layers, shared=shared_experts, correction_bias="buffer")
GLM = Experts("n_routed_experts", layers=sparse_but_first, shared=shared_experts,
              correction_bias="buffer")


SPARSE_FROM_ONE = Experts("n_routed_experts", layers=lambda c: sparse_layers(c, 1), shared=shared_experts,
                          correction_bias="buffer")
GRANITE_FILE = rules.granite("block_sparse_moe", router="block_sparse_moe.router.layer",
                        **{"experts.gate_up_proj": "block_sparse_moe.input_linear.weight",
                           "experts.down_proj": "block_sparse_moe.output_linear.weight"})
GRANITE_CLASS = rules.granite("block_sparse_moe", experts="block_sparse_moe.experts")
GRANITE = Experts(size="intermediate_size", more=STACKED | {"path": "", "shared_fused": True},
                  shared=lambda c: c.integer("shared_intermediate_size", 0, least=0))

ROWS: dict[str, Row] = {
    "mixtral": Row(pattern=all_sliding, experts=Experts(size="intermediate_size"), names=W123),
    "qwen2_moe": Row("qkv_bias", pattern=rules.qwen2_moe_sliding, names=GATE | {"shared_experts": "shared_expert"},
                     experts=Experts("num_experts", layers=sparse_step, shared_gate=True,
                                     shared=lambda c: c.integer("shared_expert_intermediate_size"))),
    "qwen3_moe": Row("attention_bias", "attention_bias", qk_norm="head", names=GATE, pattern=used_sliding,
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
    "deepseek": Row("attention_bias", "attention_bias", names=GATE, experts=Experts(
        "n_routed_experts", layers=rules.deepseek_layers, shared=shared_experts)),
    "deepseek_v2": Row(mlp_bias="mlp_bias", mixer=latent, names=GATE, experts=Experts(
        "n_routed_experts", layers=sparse_layers, shared=shared_experts, shared_bias="mlp_bias")),
    "deepseek_v3": Row(mixer=latent, experts=DEEPSEEK, names=CORRECTED, mtp=deepseek_mtp),
    "deepseek_v32": Row(mixer=latent, mixers=rules.indexed, block=rules.indexer, experts=DEEPSEEK, names=CORRECTED,
                        mtp=deepseek_mtp),
    "glm_moe_dsa": Row(mixer=latent, mixers=rules.indexer_types, block=rules.indexer, experts=DEEPSEEK, names=CORRECTED,
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
    "llama4_text": Row("attention_bias", "attention_bias", pattern=rules.llama4_chunks, size="intermediate_size_mlp",
                       names={"mlp": "feed_forward", "shared_experts": "shared_expert"},
                       experts=Experts(size="intermediate_size", layers=rules.llama4_experts,
                                       shared=lambda c: c.integer("intermediate_size"),
                                       more={"layout": "stacked", "fused": True})),
    "ernie4_5_moe": Row("use_bias", "use_bias", "use_bias", "use_bias",
                        names=GATE | {"correction_bias": "moe_statics.e_score_correction_bias"},
                        experts=Experts("moe_num_experts", "moe_k", layers=rules.ernie_layers,
                                        shared=rules.times("moe_num_shared_experts", "moe_intermediate_size"),
                                        shared_bias="use_bias", correction_bias="parameter",
                                        more={"correction_groups": 1})),
    "minimax_m2": Row(qk_norm="full", names=W123 | {"correction_bias": "e_score_correction_bias"},
                      experts=Experts(size="intermediate_size", correction_bias="buffer")),
    "granitemoe": Row("attention_bias", "attention_bias", experts=GRANITE, names=GRANITE_FILE),
    "granitemoeshared": Row("attention_bias", "attention_bias", experts=GRANITE, names=GRANITE_FILE),
    "granitemoe_swa": Row("attention_bias", "attention_bias", experts=GRANITE, names=GRANITE_CLASS,
                          more={"sinks": True}, pattern=rules.granite_sliding),
    "aria_text": Row("attention_bias", "attention_bias", names={"experts.gate_up_proj": "experts.fc1.weight",
                                                                "experts.down_proj": "experts.fc2.weight"},
                     experts=Experts("moe_num_experts", "moe_topk", "intermediate_size", shared_bias="mlp_bias",
                                     shared=rules.times("moe_num_shared_experts", "intermediate_size"),
                                     more={"layout": "stacked", "fused": True})),
    "afmoe": Row("attention_bias", "attention_bias", qk_norm="head", placement="sandwich",
                 pattern=lambda c: every(c, c.integer("global_attn_every_n_layers")), more={"output_gate": "full"},
                 names={"router": "router.gate", "gate": "gate_proj", "pre_feedforward_layernorm": "pre_mlp_layernorm",
                        "post_feedforward_layernorm": "post_mlp_layernorm"}, block=rules.afmoe_block,
                 experts=Experts("num_experts", shared=rules.times("num_shared_experts", "moe_intermediate_size"),
                                 layers=lambda c: from_layer(c, c.integer("num_dense_layers", 0, least=0)))),
    "axk1": Row(mixer=latent, block=rules.axk1_block, experts=SPARSE_FROM_ONE, names=CORRECTED),
    "cohere2_moe": Row("attention_bias", "attention_bias", placement="parallel", names=GATE,
                       pattern=rules.cohere2_moe_sliding, adjust=rules.cohere2_moe_norm,
                       size=lambda c: c.optional("prefix_dense_intermediate_size") or c.integer("intermediate_size"),
                       experts=Experts("num_experts", size="intermediate_size", layers=sparse_layers,
                                       shared=rules.times("num_shared_experts", "intermediate_size"))),
    "dots3_note_text": Row(mixers=rules.dots3_layers, mixer=rules.dots3_attention, block=rules.indexer_if_indexed,
                           names=CORRECTED | {"gate": "g_proj", "k_rope_layernorm": "k_rope_only_layernorm"},
                           experts=replace(SPARSE_FROM_ONE, shared=rules.times("n_shared_experts",
                                                                               "shared_experts_intermediate_size"))),
    "exaone_moe": Row(qk_norm="head", pattern=rules.exaone_moe_sliding,
                      names=GATE | {"correction_bias": "e_score_correction_bias"},
                      experts=Experts("num_experts", layers=sparse_layers, correction_bias="buffer",
                                      shared=rules.times("num_shared_experts", "moe_intermediate_size"))),
    "hunyuan_v1_moe": Row("attention_bias", "attention_bias", qk_norm="head", block=rules.hunyuan_block,
                          names={"router": "gate.wg", "shared_experts": "shared_mlp", "q_norm": "query_layernorm",
                                 "k_norm": "key_layernorm"},
                          experts=Experts(layers=rules.hunyuan_experts)),
    "hy_v3": Row("attention_bias", "attention_bias", "mlp_bias", qk_norm="head",
                 names={"router": "router.gate", "shared_experts": "shared_mlp", "correction_bias": "expert_bias"},
                 experts=Experts("num_experts", layers=sparse_but_first, correction_bias="buffer",
                                 shared_bias="mlp_bias",
                                 shared=rules.times("num_shared_experts", "moe_intermediate_size"))),
    "kolibri1": Row(qk_norm="head", placement="sandwich", pattern=lambda c: every(c, 5),
                    names={"router": "mlp.gate", "experts": "mlp.experts", "shared_experts": "mlp.shared_experts",
                           "correction_bias": "moe.router.expert_bias", "post_attention_layernorm": "post_attn_norm",
                           "pre_feedforward_layernorm": "post_attention_layernorm",
                           "post_feedforward_layernorm": "post_ffn_norm"},
                    experts=Experts(shared=lambda c: c.integer("shared_expert_intermediate_size"),
                                    correction_bias="buffer", more={"path": ""})),
    "laguna": Row(mixers=rules.laguna_heads, mixer=rules.laguna_attention,
                  names=GATE | {"gate": "g_proj", "shared_experts": "shared_expert",
                                "correction_bias": "experts.e_score_correction_bias"},
                  experts=Experts("num_experts", layers=sparse_but_first, correction_bias="parameter",
                                  shared=lambda c: c.integer("shared_expert_intermediate_size"))),
    "mimo_v2_flash": Row(pattern=rules.mimo_layers, mixer=rules.mimo_attention,
                         names=CORRECTED | {"sinks": "attention_sink_bias"},
                         experts=Experts("n_routed_experts", layers=sparse_but_first, correction_bias="buffer")),
    "minimax_m3_vl_text": Row(qk_norm="head", pattern=rules.minimax_m3_layers, block=rules.minimax_m3_block,
                              size="dense_intermediate_size", more={"fused_gate_up": True}, names=CORRECTED,
                              experts=Experts(size="intermediate_size", layers=sparse_layers,
                                              shared=lambda c: c.integer("shared_intermediate_size"),
                                              correction_bias="buffer", more=STACKED | {"shared_fused": True})),
}
