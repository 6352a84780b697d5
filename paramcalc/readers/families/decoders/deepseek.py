"""DeepSeek's decoders and what their descendants share: latent attention, shared experts, indexer, prediction layers.

Sources: transformers' modeling file of each, and what a row or rule names.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from paramcalc.components.compressed_attention import CompressedAttention
from paramcalc.components.embedding import Embedding
from paramcalc.components.hyper_connection import HyperConnection
from paramcalc.components.indexer import Indexer
from paramcalc.components.latent_attention import LatentAttention
from paramcalc.components.layout import unroll
from paramcalc.components.linear import Head, Linear, Parameter
from paramcalc.components.moe import MixtureOfExperts
from paramcalc.components.norm import Norm
from paramcalc.errors import LAYERS
from paramcalc.readers.config.patterns import FULL, WORDS, mixers, sparse_layers
from paramcalc.readers.families.decoder import Experts, Row, mixture
from paramcalc.readers.families.decoders.shared import CORRECTED, GATE, GENERATES
from paramcalc.sanitize import quote
from paramcalc.spec.caveats import Caveat
from paramcalc.spec.lower import lower

if TYPE_CHECKING:

    from paramcalc.components.base import Component
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.model import ModelSpec


def shared_experts(config: Config) -> int:
    """n shared experts are one feed-forward of n times the size."""
    return config.integer("n_shared_experts", 0, least=0) * config.integer("moe_intermediate_size")


DEEPSEEK = Experts("n_routed_experts", layers=sparse_layers, shared=shared_experts, correction_bias="buffer")
INDEXER = {"q_proj": "wq_b", "k_proj": "wk"}


def indexer(config: Config, mixer: str, _: str) -> dict[str, Any]:
    """The indexer of a layer that has one of its own."""
    if mixer == "shared":
        return {}
    return {"beside": {"self_attn.indexer": Indexer(
        num_heads=config.integer("index_n_heads"), head_dim=config.integer("index_head_dim"),
        query_size=config.optional("q_lora_rank"), names=INDEXER)}}


def indexed(config: Config) -> list[str]:
    """Every layer has an indexer of its own."""
    return ["indexed"] * config.layers


def deepseek_layers(config: Config) -> list[str]:
    """DeepSeekMoE's class is dense where no experts are given."""
    return ["dense"] * config.layers if config.get("n_routed_experts") is None else sparse_layers(config)


V4_NAMES = {"self_attn": "attn", "mlp": "ffn", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
            "router": "gate", "correction_bias": "gate.bias", "gate_proj": "w1", "down_proj": "w2", "up_proj": "w3",
            "lm_head": "head"}


def _v4_names(config: Config) -> dict[str, str]:
    return V4_NAMES | {"embed_tokens": "embed"} if config.bare else V4_NAMES


def _v4_more(config: Config) -> dict[str, Any]:
    path, prefix = ("", "hc_head_") if config.bare else (None, "hc_")
    return {"outputs": {"model.hc_head": hyper(config, "pre", path, prefix)}}


CSA, HCA = "compressed_sparse_attention", "heavily_compressed_attention"
RATIOS = {0: "sliding_attention", 4: CSA, 128: HCA}
"""How published configs of DeepSeek-V4 spell what a layer compresses."""
V4_EXPERTS = Experts("n_routed_experts", correction_bias="buffer", shared_bias="mlp_bias",
                     shared=lambda c: c.integer("moe_intermediate_size"))
"""However many shared experts the config names, the class builds one."""


def v4_layers(config: Config) -> list[str]:
    """`layer_types`, else `compress_ratios` (which may go on to the prediction layers), else by turns."""
    n = config.layers
    types, ratios = config.listed("layer_types", str), config.listed("compress_ratios", int)
    if types is None and ratios is not None:
        types = [RATIOS.get(ratio, str(ratio)) for ratio in ratios]
    if types is None:
        types = [CSA if i % 2 and i > 1 else HCA for i in range(n)]
        types[2:] = [CSA if i % 2 else HCA for i in range(max(n - 2, 0))]
    if len(types) < n or (bad := set(types) - set(RATIOS.values())):
        raise config.error(
            "layer_types", f"expected one of {', '.join(RATIOS.values())} for each of {n:,} layers, found "
            + (f"{len(types):,}" if len(types) < n else quote(min(bad))), code=LAYERS)
    return types[:n]


def v4_attention(config: Config, word: str) -> CompressedAttention:
    """DeepSeek-V4's attention; what is compressed follows the layer's word."""
    rates = config.get("compress_rates")
    legacy = {CSA: "compress_rate_csa", HCA: "compress_rate_hca"}
    rate = None
    if word in legacy:
        own_rate = rates.get(word) if isinstance(rates, dict) else None
        rate = config.optional(legacy[word]) or (own_rate if type(own_rate) is int else {CSA: 4, HCA: 128}[word])
    index: dict[str, Any] = {} if word != CSA else {
        "index_heads": config.integer("index_n_heads"), "index_head_dim": config.integer("index_head_dim"),
        "top_k": config.integer("index_topk")}
    return CompressedAttention(
        num_heads=config.integer("num_attention_heads"), head_dim=config.head_dim,
        q_lora_rank=config.integer("q_lora_rank"), o_groups=config.integer("o_groups"),
        o_lora_rank=config.integer("o_lora_rank"), window=config.integer("sliding_window"), rate=rate, **index)


def v4_feed_forwards(config: Config) -> list[str]:
    """The first layers choose experts by the token's id, unless `mlp_layer_types` says otherwise."""
    if config.get("mlp_layer_types") is not None:
        return sparse_layers(config)
    hashed = config.integer("num_hash_layers", 3, least=0)
    return ["hash" if i < hashed else "moe" for i in range(config.layers)]


def hyper(config: Config, weights: str, path: str | None, prefix: str) -> HyperConnection:
    """A hyper-connection of the config's streams, its tensors spelled with a prefix."""
    return HyperConnection.model_validate({
        "streams": config.integer("hc_mult"), "weights": weights, "path": path,
        "names": {key: f"{prefix}{key}" for key in ("fn", "base", "scale")}})


def v4_block(config: Config, _: str, ffn: str) -> dict[str, Any]:
    """Two hyper-connections; a table from token to experts where they are chosen by it."""
    beside: dict[str, Component] = {"hc_attn": hyper(config, "pre_post_mix", "", "hc_attn_"),
                                    "hc_ffn": hyper(config, "pre_post_mix", "", "hc_ffn_")}
    if ffn != "hash":
        return {"beside": beside}
    table = (config.integer("vocab_size"), config.integer("num_experts_per_tok"))
    beside["ffn.gate.tid2eid"] = Parameter(shape=table, component="moe_router", role="lookup", buffer=True)
    return {"beside": beside, "moe": mixture(config, replace(V4_EXPERTS, correction_bias="none"))}


def latent(config: Config, word: str = "") -> LatentAttention:
    """DeepSeek's attention; over the keys an indexer chose where the layer's word says so."""
    config.read |= {"head_dim", "qk_head_dim", "num_key_value_heads"}  # the class derives them
    v_head_dim = config.optional("v_head_dim")
    if v_head_dim is None:
        v_head_dim = config.integer("hidden_size") // config.integer("num_attention_heads")
    return LatentAttention(
        num_heads=config.integer("num_attention_heads"), q_lora_rank=config.optional("q_lora_rank"),
        kv_lora_rank=config.integer("kv_lora_rank"), qk_nope_head_dim=config.integer("qk_nope_head_dim"),
        qk_rope_head_dim=config.integer("qk_rope_head_dim", least=0), v_head_dim=v_head_dim,
        bias=("q_a", "kv_a", "o") if config.flag("attention_bias") else (),
        top_k=config.integer("index_topk") if word in ("indexed", "shared") else None,
    )


def _latent_or_plain(config: Config, _: str) -> LatentAttention | None:
    """Files of DeepSeek-VL2-tiny and DeepSeek-OCR say `use_mla: false`: plain attention."""
    if config.flag("use_mla", default=True):
        return latent(config)
    config.read |= {"kv_lora_rank", "q_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim"}
    return None


def _corrected(config: Config) -> dict[str, str]:
    """DeepSeek-VL2's largest chooses experts as DeepSeek-V3 does."""
    config.read |= {"lm_head", "rm_head"}
    return {"correction_bias": "parameter"} if config.text("topk_method") == "noaux_tc" else {}


def last_layer(spec: ModelSpec) -> dict[str, Component]:
    """The parts of the model's last layer, which a prediction layer repeats."""
    lowered = lower(spec)
    name = unroll(spec.layers)[-1] if spec.layers else next(iter(lowered.blocks))
    return lowered.blocks[name]


def dense_layer(spec: ModelSpec) -> dict[str, Component]:
    """The parts of the model's first layer without experts; none where all have them."""
    dense = (parts for parts in lower(spec).blocks.values()
             if not any(isinstance(part, MixtureOfExperts) for part in parts.values()))
    return next(dense, {})


def deepseek_mtp(config: Config, spec: ModelSpec) -> dict[str, Component]:
    """DeepSeek-V3's: norms of the token and of the state, their projection, a layer, a norm, tied embedding and head.

    Source: arXiv:2412.19437 section 2.2; README_WEIGHTS.md of deepseek-ai/DeepSeek-V3.
    """
    return prediction_layers(config, "model.layers.*", {
        "embed_tokens": Embedding(tied_to="model.embed_tokens"), **joined(spec), **last_layer(spec),
        "shared_head.norm": Norm(kind="rmsnorm"), "shared_head.head": Head(tied=True)})


def joined(spec: ModelSpec, names: tuple[str, str, str] = ("enorm", "hnorm", "eh_proj")) -> dict[str, Component]:
    """What a prediction layer makes its input of: a norm of the next token, one of the state, and their projection."""
    token_norm, state_norm, projection = names
    return {token_norm: Norm(kind="rmsnorm"), state_norm: Norm(kind="rmsnorm"),
            projection: Linear(in_features=2 * spec.hidden_size)}


def prediction_layers(config: Config, at: str, parts: dict[str, Component],
                      key: str = "num_nextn_predict_layers") -> dict[str, Component]:
    """As many of these parts as a config says that files hold prediction layers; none for a class without a head."""
    count = config.integer(key, 0, least=0)
    if not count or config.task not in GENERATES:
        return {}
    return {f"{at}.{name}": part.model_copy(update={"copies": count}) for name, part in parts.items()}


def indexed_mtp(config: Config, spec: ModelSpec) -> dict[str, Component]:
    """GLM's: a prediction layer has an indexer of its own also where the model's last layers share one."""
    parts = deepseek_mtp(config, spec)
    if not parts:
        return {}
    count = next(iter(parts.values())).copies
    own = indexer(config, "indexed", "")["beside"]["self_attn.indexer"].model_copy(update={"copies": count})
    return {"model.layers.*.self_attn.indexer": own, **parts}


def v4_mtp(config: Config, spec: ModelSpec) -> dict[str, Component]:
    """DeepSeek-V4's: projections and norms of the token and of the state, a layer that compresses nothing, its own mix
    of the streams; table and head are the model's.

    Source: deepseek-ai/DeepSeek-V4-Flash inference/model.py (MTPBlock), whose names are the files'.
    """
    layer = dict(last_layer(spec))  # of the model itself, which keeps its own
    layer["attn"] = v4_attention(config, RATIOS[0]).model_copy(update={"names": layer["attn"].names})
    parts = prediction_layers(config, "mtp.*", {
        "e_proj": Linear(), "h_proj": Linear(), "enorm": Norm(kind="rmsnorm"), "hnorm": Norm(kind="rmsnorm"), **layer,
        "norm": Norm(kind="rmsnorm"), "hc_head": hyper(config, "pre", "", "hc_head_")})
    return {key: part.model_copy(update={"path": "mtp.*"}) if isinstance(part, HyperConnection) else part
            for key, part in parts.items()}


REFERENCE = "reference_sliding_attention"


def _references(config: Config) -> list[str]:
    """Unlimited-OCR: each token sees the prompt and its pictures, and of what it generated the last few only."""
    words = mixers(config, (), WORDS | {REFERENCE: FULL})
    config.read.add("sliding_window")
    return words


def _even_heads(config: Config, _: str) -> None:
    """The class divides the model's width among its heads, whatever the file says of one."""
    config.override({"head_dim": None})


def _generates_within(config: Config) -> dict[str, Any]:
    types = config.listed("layer_types", str)
    if config.optional("sliding_window") is None or (types is not None and REFERENCE not in types):
        return {}
    reason = "counted as if all that is generated were kept: its layers keep the prompt and a window"
    return {"caveats": (Caveat(figure="cache", known="estimate", reason=reason),)}


ROWS: dict[str, Row] = {
    "deepseek": Row("attention_bias", "attention_bias", names=GATE, experts=Experts(
        "n_routed_experts", layers=deepseek_layers, shared=shared_experts)),
    "deepseek_ocr2_text": Row(
        "attention_bias", "attention_bias", "mlp_bias", names=GATE, mixer=_even_heads, experts=Experts(
        "n_routed_experts", layers=sparse_layers, shared=shared_experts, shared_bias="mlp_bias")),
    "unlimited_ocr_text": Row(
        "attention_bias", "attention_bias", "mlp_bias", names=GATE, mixers=_references, mixer=_even_heads,
        more=_generates_within,
        experts=Experts("n_routed_experts", layers=partial(sparse_layers, first=1), shared=shared_experts,
                        shared_bias="mlp_bias")),
    "deepseek_v2": Row("attention_bias", "attention_bias", "mlp_bias", mixer=_latent_or_plain, names=CORRECTED,
                       experts=Experts("n_routed_experts", layers=sparse_layers, shared=shared_experts,
                                       shared_bias="mlp_bias", more=_corrected)),
    "deepseek_v3": Row(mixer=latent, experts=DEEPSEEK, names=CORRECTED, mtp=deepseek_mtp),
    "sarvam_mla": Row(mixer=latent, experts=DEEPSEEK, names=CORRECTED, mtp=deepseek_mtp),
    "deepseek_v32": Row(mixer=latent, mixers=indexed, block=indexer, experts=DEEPSEEK, names=CORRECTED,
                        mtp=deepseek_mtp),
    "deepseek_v4": Row(mixers=v4_layers, mixer=v4_attention, block=v4_block,
                       experts=replace(V4_EXPERTS, layers=v4_feed_forwards),
                       names=_v4_names, more=_v4_more, mtp=v4_mtp),
}
