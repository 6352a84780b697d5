"""Parts of the newest sparse decoders: compressed attention, hyper-connections, relative logits, odd routers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from paramcalc.components.attention import Attention
from paramcalc.components.compressed_attention import CompressedAttention
from paramcalc.components.convolved_attention import ConvolvedAttention
from paramcalc.components.depthwise_conv import DepthwiseConv
from paramcalc.components.hyper_connection import HyperConnection
from paramcalc.components.linear import Linear, Parameter, Score
from paramcalc.components.norm import Norm
from paramcalc.errors import LAYERS
from paramcalc.readers.config.patterns import SLIDING, sparse_layers
from paramcalc.readers.families.decoder import Experts, mixture
from paramcalc.readers.families.latent import latent
from paramcalc.readers.families.moe_rules import indexer

if TYPE_CHECKING:
    from paramcalc.components.base import Component
    from paramcalc.components.latent_attention import LatentAttention
    from paramcalc.readers.config.config import Config

CSA, HCA = "compressed_sparse_attention", "heavily_compressed_attention"
RATIOS = {0: "sliding_attention", 4: CSA, 128: HCA}
"""How published configs of DeepSeek-V4 spell what a layer compresses."""
V4_EXPERTS = Experts("n_routed_experts", correction_bias="buffer", shared_bias="mlp_bias",
                     shared=lambda c: c.integer("moe_intermediate_size"))
"""However many shared experts the config names, the class builds one."""


def placed(config: Config, path: str) -> str:
    """A module's path in the class: the base class is not inside another."""
    return config.rooted(path) if config.bare else path


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
        raise config.error("layer_types", f"expected {n} of {', '.join(RATIOS.values())}" + (
            "" if len(types) < n else f", found {min(bad)!r}"), code=LAYERS)
    return types[:n]


def v4_attention(config: Config, word: str) -> CompressedAttention:
    """DeepSeek-V4's attention; what is compressed follows the layer's word."""
    rates = config.get("compress_rates")
    legacy = {CSA: "compress_rate_csa", HCA: "compress_rate_hca"}
    rate = None
    if word in legacy:
        given = rates.get(word) if isinstance(rates, dict) else None
        rate = config.optional(legacy[word]) or (given if type(given) is int else {CSA: 4, HCA: 128}[word])
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


def hy_v4_layers(config: Config) -> list[str]:
    """An indexer of its own in the first layer and in every fourth after it."""
    types = config.listed("indexer_types", str, config.layers)
    if types is None:
        types = ["full" if i == 0 or (i - 1) % 4 == 0 else "shared" for i in range(config.layers)]
    return ["shared" if word == "shared" else "indexed" for word in types]


def hy_v4_attention(config: Config, word: str) -> LatentAttention:
    """Latent attention with sinks and a gate of full width."""
    return latent(config, word).model_copy(update={"output_gate": "full", "sinks": True})


def hy_v4_block(config: Config, mixer: str, ffn: str) -> dict[str, Any]:
    """Two hyper-connections that do not mix, and the indexer."""
    beside = indexer(config, mixer, ffn).get("beside", {})
    return {"beside": beside | {f"hc_pre.hc_{place}_layer": hyper(config, "pre_post", None, "hc_")
                                for place in ("attn", "mlp")}}


def inkling_layers(config: Config) -> list[str]:
    """Five sliding layers, one full; or those `local_layer_ids` names slide."""
    types = config.listed("layer_types", str, config.layers)
    if types is not None:
        return [SLIDING if word == "hybrid_sliding" else "full" for word in types]
    local = config.listed("local_layer_ids", int)
    slides = {i for i in range(config.layers) if (i + 1) % 6} if local is None else set(local)
    return [SLIDING if i in slides else "full" for i in range(config.layers)]


def inkling_sizes(config: Config, word: str) -> tuple[int, int, int, int]:
    """Query heads, key heads, their width and how far relative logits reach, for a layer of a word."""
    prefix, reach = ("swa_", "sliding_window_size") if word == SLIDING else ("", "rel_extent")
    return (config.integer(f"{prefix}num_attention_heads"), config.integer(f"{prefix}num_key_value_heads"),
            config.integer(f"{prefix}head_dim"), config.integer(reach))


def inkling_attention(config: Config, word: str) -> Attention:
    """Attention with a norm on queries and keys; sizes differ where it slides."""
    heads, kv_heads, head_dim, _ = inkling_sizes(config, word)
    return Attention(num_heads=heads, num_kv_heads=kv_heads, head_dim=head_dim, qk_norm="head",
                     uneven_groups=bool(heads % kv_heads),
                     window=config.integer("sliding_window_size") if word == SLIDING else None)


def inkling2_attention(config: Config, word: str) -> Attention:
    """Gated instead of normed."""
    return inkling_attention(config, word).model_copy(update={"qk_norm": "none", "output_gate": "full"})


def inkling_feed_forwards(config: Config) -> list[str]:
    """`mlp_layer_types`, else dense before `dense_mlp_idx`."""
    if config.get("mlp_layer_types") is not None:
        return sparse_layers(config)
    first = config.integer("dense_mlp_idx", 0, least=0)
    return ["dense" if i < first else "moe" for i in range(config.layers)]


def inkling_sizes_of_experts(config: Config) -> tuple[int, int]:
    """Intermediate size of a dense layer and of an expert; published configs name the dense one apart."""
    dense = config.optional("dense_intermediate_size")
    if dense is not None:
        return dense, config.integer("intermediate_size")
    return config.integer("intermediate_size"), config.integer("moe_intermediate_size")


def _scale(component: Any) -> Parameter:  # noqa: ANN401 - a bucket's name
    return Parameter(shape=(1,), component=component)


def inkling_block(config: Config, word: str, ffn: str) -> dict[str, Any]:
    """Short convolutions after keys, values and both parts; relative logits; experts that share one router."""
    heads, kv_heads, head_dim, reach = inkling_sizes(config, word)
    kernel, rel = config.integer("conv_kernel_size"), config.integer("d_rel")
    names = {"conv": "conv1d"}
    beside: dict[str, Component] = {
        "self_attn.r_proj": Linear(out_features=heads * rel, component="attention"),
        "self_attn.rel_logits_proj.proj": Parameter(shape=(rel, reach), component="attention"),
        "self_attn.rel_logits": Score(sizes=(heads, rel, reach), component="attention"),
        "attn_sconv": DepthwiseConv(kernel=kernel, names=names), "mlp_sconv": DepthwiseConv(kernel=kernel, names=names),
    }
    for place in ("k", "v"):
        beside[f"self_attn.{place}_sconv"] = DepthwiseConv(channels=kv_heads * head_dim, kernel=kernel, names=names)
    if ffn == "dense":
        return {"beside": beside | {"mlp.global_scale": _scale("ffn")}}
    experts, shared = config.integer("n_routed_experts"), config.integer("n_shared_experts")
    size, width = inkling_sizes_of_experts(config)[1], config.integer("hidden_size")
    for name, shape in (("gate_proj", (size, width)), ("up_proj", (size, width)), ("down_proj", (width, size))):
        beside[f"mlp.shared_experts.{name}"] = Parameter(shape=(shared, *shape), component="moe_shared", role="matmul")
    beside["mlp.gate.global_scale"] = _scale("moe_router")
    beside["mlp.gate.e_score_correction_bias"] = Parameter(shape=(experts,), component="moe_router", buffer=True)
    return {"beside": beside, "moe": {
        "experts": experts, "top_k": config.integer("num_experts_per_tok"), "intermediate_size": size,
        "router_rows": experts + shared, "layout": "stacked", "fused": True, "stacked_transposed": False}}


def zaya_layers(config: Config) -> list[str]:
    """Which layers slide."""
    types = config.listed("layer_types", str, config.layers) or ["hybrid"] * config.layers
    return [SLIDING if word == "hybrid_sliding" else "full" for word in types]


def zaya_feed_forwards(config: Config) -> list[str]:
    """The first layer's router has no earlier one's state to add."""
    return ["first"] + ["later"] * (config.layers - 1)


def zaya_attention(config: Config, word: str) -> ConvolvedAttention:
    """Compressed convolutional attention."""
    return ConvolvedAttention(
        num_heads=config.integer("num_attention_heads"), num_kv_heads=config.kv_heads, head_dim=config.head_dim,
        depthwise_kernel=config.integer("cca_time0"), grouped_kernel=config.integer("cca_time1"),
        bias=config.flag("attention_bias"), window=config.integer("sliding_window") if word == SLIDING else None)


def zaya_block(config: Config, _: str, ffn: str) -> dict[str, Any]:
    """A router of several layers, which can also choose to skip, and scaled residuals."""
    size, experts = config.integer("router_hidden_size"), config.integer("num_experts")
    beside: dict[str, Component] = {
        "mlp.gate.down_proj": Linear(out_features=size, bias=True, component="moe_router"),
        "mlp.gate.router_mlp.norm": Norm(kind="rmsnorm", hidden_size=size),
        "mlp.gate.router_mlp.out_proj": Linear(in_features=size, out_features=experts + 1, component="moe_router"),
        "mlp.gate.balancing_biases": Parameter(shape=(experts + 1,), component="moe_router", buffer=True),
    }
    for name in ("fc1", "fc2"):
        beside[f"mlp.gate.router_mlp.{name}"] = Linear(in_features=size, out_features=size, bias=True,
                                                       component="moe_router")
    if ffn == "later":
        beside["mlp.gate.router_states_scale"] = Parameter(shape=(size,), component="moe_router")
    values = Parameter(shape=(config.integer("hidden_size"),))
    for place in ("post_attention", "post_mlp"):
        for name in ("hidden_states_scale", "hidden_states_bias", "residual_scale", "residual_bias"):
            beside[f"{place}_residual_scale.{name}"] = values
    return {"beside": beside, "moe": {
        "experts": experts, "top_k": config.integer("num_experts_per_tok"), "layout": "stacked", "fused": True,
        "intermediate_size": config.integer("moe_intermediate_size"), "stacked_transposed": False, "router": False}}


def inkling2_block(config: Config, word: str, _: str) -> dict[str, Any]:
    """Clips with learned scales, sinks made from the token, convolutions that full layers make from it too."""
    heads, kv_heads, head_dim, reach = inkling_sizes(config, word)
    kernel, rel = config.integer("conv_kernel_size"), config.integer("d_rel")
    names = {"conv": "", "static": "static_w", "dynamic": "weight_proj"}
    beside: dict[str, Component] = {
        "attn.wr_du": Linear(out_features=heads * rel, component="attention"),
        "attn.attn_sink_proj": Linear(out_features=heads, component="attention"),
        "attn.q_l2_clip.scale": Parameter(shape=(heads, head_dim), component="attention"),
        "attn.rel_l2_clip.scale": Parameter(shape=(heads, rel), component="attention"),
        "attn.rel_logits_proj.proj": Parameter(shape=(rel, reach), component="attention"),
        "attn.rel_logits": Score(sizes=(heads, rel, reach), component="attention"),
        "attn_sconv": DepthwiseConv(kernel=kernel, names=names), "mlp_sconv": DepthwiseConv(kernel=kernel, names=names),
    }
    for place in ("k", "v"):
        beside[f"attn.{place}_sconv"] = DepthwiseConv(channels=kv_heads * head_dim, kernel=kernel, names=names,
                                                      dynamic_heads=None if word == SLIDING else kv_heads)
    if word != SLIDING:
        beside |= {f"{place}_input_norm": Norm(kind="rmsnorm") for place in "qkv"}
    return {"beside": beside}


def inkling2_queries(config: Config) -> dict[str, Any]:
    """Queries over the outputs of earlier blocks: before each part of a layer (three before a full attention, none
    before the first), and before the head."""
    width, words = config.integer("hidden_size"), inkling_layers(config)
    query = Parameter(shape=(width,), component="attention")
    found = {"model.llm.attn_res.output_query": query,
             "model.llm.attn_res.mlp_queries.*": query.model_copy(update={"copies": len(words)})}
    for word, shape in ((SLIDING, (width,)), ("full", (3, width))):
        if count := words[1:].count(word):
            found[f"{word}_queries"] = Parameter(shape=shape, component="attention", copies=count,
                                                 path="model.llm.attn_res.attn_queries.*")
    return {"outputs": found, "embedding_norm": True}
