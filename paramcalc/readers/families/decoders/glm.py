"""Z.ai's GLM 4 to 5, dense and with experts, and the text models of GLM-V and GLM-OCR.

Sources: transformers' modeling file of each, and what a row or rule names.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from paramcalc.readers.config.patterns import FULL, LINEAR, every, mixers, sparse_but_first, sparse_layers
from paramcalc.readers.families.decoder import Experts, Row
from paramcalc.readers.families.decoders.deepseek import (
    DEEPSEEK,
    deepseek_mtp,
    hyper,
    indexed_mtp,
    indexer,
    latent,
    shared_experts,
)
from paramcalc.readers.families.decoders.kimi import kimi_mixer
from paramcalc.readers.families.decoders.shared import CORRECTED, DENSE_QKV, when
from paramcalc.readers.families.spellings import FC_LONG

if TYPE_CHECKING:

    from paramcalc.components.base import Component
    from paramcalc.readers.config.config import Config

SANDWICH_GLM = {"post_attention_layernorm": "post_self_attn_layernorm",
                "pre_feedforward_layernorm": "post_attention_layernorm",
                "post_feedforward_layernorm": "post_mlp_layernorm"}
GLM = Experts("n_routed_experts", layers=sparse_but_first, shared=shared_experts,
              correction_bias="buffer")


def indexer_types(config: Config) -> list[str]:
    """Layers whose indexer is their own, and those that take the choice of an earlier one (GLM-5)."""
    config.read |= {"index_topk_pattern", "index_topk_freq", "index_skip_topk_offset"}
    types = config.listed("indexer_types", str, config.layers)
    if types is None and (pattern := config.get("index_topk_pattern")) is not None:
        types = [{"F": "full", "S": "shared"}.get(word, word) for word in pattern]
    if types is None:
        period = max(config.integer("index_topk_freq", 1, least=0), 1)
        offset = config.integer("index_skip_topk_offset", 2, least=0)
        types = ["full" if max(i - offset + 1, 0) % period == 0 else "shared" for i in range(config.layers)]
    return ["shared" if word == "shared" else "indexed" for word in types]


def _glm_layers(config: Config) -> list[str]:
    """Latent attention over chosen keys at each fourth layer, some of which take an earlier one's choice."""
    words = mixers(config, every(config, 4, FULL, LINEAR))
    return [LINEAR if word == LINEAR else chosen for word, chosen in zip(words, indexer_types(config), strict=True)]


def _glm_mixer(config: Config, word: str) -> Component:
    if word != LINEAR:
        return latent(config, word)
    return kimi_mixer(config, LINEAR).model_copy(update={"decay_shape": "heads"})


def _glm_block(config: Config, word: str, ffn: str) -> dict[str, Any]:
    parts: dict[str, Component] = {
        place: hyper(config, "pre_post_mix", "", f"{place}_") for place in ("hc_attn", "hc_ffn")}
    beside = {} if word == LINEAR else indexer(config, word, ffn).get("beside", {})
    pooled = {path: part.model_copy(update={"pool": config.integer("index_kpool")}) for path, part in beside.items()}
    return {"beside": parts | pooled}


CHATGLM_LAYER = DENSE_QKV | {"self_attn": "self_attention", "gate_up_proj": "dense_h_to_4h", **FC_LONG}
CHATGLM = CHATGLM_LAYER | {"embed_tokens": "transformer.embedding.word_embeddings",
                           "layers": "transformer.encoder.layers",
                           "norm": "transformer.encoder.final_layernorm", "lm_head": "transformer.output_layer"}
CHATGLM_1 = CHATGLM_LAYER | {"embed_tokens": "transformer.word_embeddings", "layers": "transformer.layers",
                             "norm": "transformer.final_layernorm", "self_attn": "attention"}


def _chatglm(config: Config, fields: dict[str, Any]) -> None:
    """The first ChatGLM-6B is a model of its own under the same type, told by `inner_hidden_size`: LayerNorm, biases
    everywhere, a feed-forward without a gate, the head tied."""
    if config.optional("inner_hidden_size") is not None:
        fields |= {"gated": False, "norm": "layernorm", "qkv_bias": True, "o_bias": True, "mlp_bias": True,
                   "tie_embeddings": not config.bare, "names": CHATGLM_1}
        fields.pop("fused_gate_up")
        return
    if not config.flag("rmsnorm", default=True):
        fields["norm"] = "layernorm"
    if not config.flag("post_layer_norm", default=True):
        fields["final_norm"] = False
    if not config.flag("multi_query_attention"):
        fields["num_kv_heads"] = config.integer("num_attention_heads")


def _chatglm_size(config: Config) -> int:
    return config.optional("inner_hidden_size") or config.integer("intermediate_size")


ROWS: dict[str, Row] = {
    "chatglm": Row("add_qkv_bias", "add_bias_linear", "add_bias_linear",
                   more={"fused_qkv": True, "fused_gate_up": True}, names=CHATGLM,
                   size=_chatglm_size, adjust=_chatglm, older={"vocab_size": "padded_vocab_size"}),
    "glm": Row("attention_bias", more={"fused_gate_up": True}),
    "glm4": Row("attention_bias", placement="sandwich", more={"fused_gate_up": True}, names=SANDWICH_GLM),
    "glm4_moe": Row("attention_bias", uneven_heads=True, experts=DEEPSEEK, names=CORRECTED, mtp=deepseek_mtp,
                    qk_norm=when("use_qk_norm", "head")),
    "glm4_moe_lite": Row(mixer=latent, experts=GLM, names=CORRECTED, mtp=deepseek_mtp),
    "glm_moe_dsa": Row(mixer=latent, mixers=indexer_types, block=indexer, experts=DEEPSEEK, names=CORRECTED,
                       mtp=indexed_mtp),
    "glm4v_text": Row(qkv_bias=True, placement="sandwich", more={"fused_gate_up": True}, names=SANDWICH_GLM),
    "glm_ocr_text": Row(placement="sandwich", more={"fused_gate_up": True}, names=SANDWICH_GLM),
    "glm4v_moe_text": Row("attention_bias", uneven_heads=True, names=CORRECTED, experts=Experts(
        "n_routed_experts", layers=sparse_layers, shared=shared_experts, correction_bias="buffer")),
    "glm5_next_text": Row(
        mixers=_glm_layers, mixer=_glm_mixer, block=_glm_block, names=CORRECTED, experts=Experts(
            "n_routed_experts", layers=partial(sparse_layers, first=3), shared=shared_experts,
            correction_bias="buffer")),
}
