"""Mistral AI's decoders: Mistral, Mixtral, Ministral, Mistral 4, the text model of Voxtral Realtime.

Sources: transformers' modeling file of each, and what a row or rule names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.components.latent_attention import LatentAttention
from paramcalc.components.linear import Linear, Parameter
from paramcalc.components.norm import Norm
from paramcalc.readers.config.patterns import all_sliding, sparse_layers
from paramcalc.readers.config.published import written_before
from paramcalc.readers.families.decoder import Experts, Row, mixture
from paramcalc.readers.families.decoders.deepseek import indexer, latent, shared_experts
from paramcalc.readers.families.decoders.glm import indexer_types
from paramcalc.readers.families.decoders.shared import GATE, STACKED, W123, rotary_layers

if TYPE_CHECKING:

    from paramcalc.components.base import Component
    from paramcalc.readers.config.config import Config

DELAY_WIDTH = 32
"""Width in which Voxtral Realtime turns a delay into a scale."""


def _delay_scale(config: Config, _: str, __: str) -> dict[str, Any]:
    width = config.integer("hidden_size")
    return {"beside": {
        "ada_rms_norm.linear1": Linear(out_features=DELAY_WIDTH, in_features=width, component="ffn", per="sequence"),
        "ada_rms_norm.linear2": Linear(out_features=width, in_features=DELAY_WIDTH, component="ffn", per="sequence")}}


NOPE = "_nope"
LARGE_EXPERTS = Experts("n_routed_experts", layers=sparse_layers, shared=shared_experts)
LARGE = GATE | {
    "self_attn": "attention", "input_layernorm": "attention_norm", "post_attention_layernorm": "ffn_norm",
    "mlp": "feed_forward", "q_proj": "wq", "kv_a_proj_with_mqa": "wkv_a_with_mqa", "kv_a_layernorm": "kv_a_norm",
    "kv_b_proj": "wkv_b", "experts.*.gate_proj": "experts.*.w1", "experts.*.down_proj": "experts.*.w2",
    "experts.*.up_proj": "experts.*.w3"}
"""The files' names, of which the class makes its own (transformers conversion_mapping.py, mistral_large4_text)."""


def _large_layers(config: Config) -> list[str]:
    """What each layer's indexer is, and whether its queries and keys are rotated: every fourth layer's are not.

    Raises SpecError for layers that take the keys and values of an earlier one.
    """
    config.read.add("no_rope_layer_interval")
    sources = config.listed("kv_source_layers", int, config.layers)
    if sources is not None and sources != list(range(config.layers)):
        raise config.error("kv_source_layers", "layers that share keys and values of an earlier one are not known")
    words = zip(indexer_types(config), rotary_layers(config), strict=True)
    return [word if rotary else word + NOPE for word, rotary in words]


def _large_mixer(config: Config, word: str) -> LatentAttention:
    """Latent attention with full queries; where nothing is rotated, the rotary width is part of the other one."""
    mixer = latent(config, word.removesuffix(NOPE))
    if word.endswith(NOPE):
        head_dim = mixer.qk_nope_head_dim + mixer.qk_rope_head_dim
        return mixer.model_copy(update={"qk_nope_head_dim": head_dim, "qk_rope_head_dim": 0})
    return mixer


def _softmax_scaling(path: str, heads: int) -> dict[str, Component]:
    """A scale and a bias a head, by which queries grow with the logarithm of their position."""
    vector = Parameter(shape=(heads,), component="attention", scales=True)
    return {f"{path}.ssmax_scaling.{name}": vector for name in ("s", "b")}


def _large_block(config: Config, word: str, ffn: str) -> dict[str, Any]:
    """The indexer of a layer that has one, all scales of queries; experts stand in the layer itself."""
    beside = _softmax_scaling("attention", config.integer("num_attention_heads"))
    own = indexer(config, word.removesuffix(NOPE), ffn)
    if own:
        beside |= {"attention.indexer": own["beside"]["self_attn.indexer"],
                   "attention.indexer.q_input_norm": Norm(kind="layernorm")}
        beside |= _softmax_scaling("attention.indexer", config.integer("index_n_heads"))
    if ffn == "dense":
        return {"beside": beside}
    return {"beside": beside, "moe": {"kind": "moe", "path": "", **mixture(config, LARGE_EXPERTS)}}


LEARNED_SINCE = (5, 24)


def _large_more(config: Config) -> dict[str, Any]:
    """One learned value a rotary frequency (LeRoPE), which releases of the library before 5.24 keep as a buffer."""
    if not config.bare:
        config.note("the files' draft head (mtp_dspark) is not counted, not even apart")
    older = written_before(config.outer or config.data, LEARNED_SINCE)
    alpha = Parameter(shape=(config.integer("qk_rope_head_dim") // 2,), dtype="fp32", buffer=older)
    return {"outputs": {"rotary_emb.alpha" if config.bare else "model.lerope.alpha": alpha}}


def _large_names(config: Config) -> dict[str, str]:
    """Files of the whole model hold the text model at their root, with further names of their own."""
    if config.bare:
        return LARGE
    return LARGE | {"embed_tokens": "model.tok_embeddings", "o_proj": "wo", "gate_proj": "w1", "down_proj": "w2",
                    "up_proj": "w3"}


ROWS: dict[str, Row] = {
    "mistral": Row(pattern=all_sliding, answers="model"),
    "mixtral": Row(pattern=all_sliding, experts=Experts(size="intermediate_size"), names=W123),
    "ministral": Row(pattern=all_sliding),
    "ministral3": Row(mixers=all_sliding, answers="model"),
    "mistral4": Row(mixer=latent, names=GATE, experts=Experts(
        "n_routed_experts", layers=sparse_layers, shared=shared_experts, more=STACKED)),
    "mistral_large4_text": Row(mixers=_large_layers, mixer=_large_mixer, block=_large_block, more=_large_more,
                               names=_large_names, experts=LARGE_EXPERTS),
    "voxtral_realtime_text": Row(pattern=all_sliding, block=_delay_scale),
}
