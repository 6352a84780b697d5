"""Inkling: short convolutions after keys, values and both parts of a layer, and relative logits.

Sources: transformers' modeling file of each, and what a row or rule names.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from paramcalc.components.attention import Attention
from paramcalc.components.depthwise_conv import DepthwiseConv
from paramcalc.components.linear import Linear, Parameter, Score
from paramcalc.components.norm import Norm
from paramcalc.readers.config.patterns import SLIDING, sparse_layers
from paramcalc.readers.families.decoder import Experts, Row
from paramcalc.readers.families.decoders.shared import STACKED, relaid

if TYPE_CHECKING:

    from paramcalc.components.base import Component
    from paramcalc.readers.config.config import Builder, Config
    from paramcalc.spec.model import ModelSpec


def _untied(_: Config, fields: dict[str, Any]) -> None:
    fields["tie_embeddings"] = False


def _padded(config: Config, fields: dict[str, Any]) -> None:
    """Files pad the head as they do the embedding; since release 5.24 the library drops those rows on loading."""
    fields["tie_embeddings"] = False
    rows = config.integer("vocab_size") - config.integer("unpadded_vocab_size", config.integer("vocab_size"))
    if rows and not config.bare:
        config.note(f"the head is counted with the {rows:,} rows that pad it in files; the library drops them")


def inkling2_queries(config: Config) -> dict[str, Any]:
    """Queries over the outputs of earlier blocks: before each part of a layer (three before a full attention, none
    before the first), and before the head."""
    width, words = config.integer("hidden_size"), inkling_layers(config)
    query = Parameter(shape=(width,), component="attention")
    parts = {"model.llm.attn_res.output_query": query,
             "model.llm.attn_res.mlp_queries.*": query.model_copy(update={"copies": len(words)})}
    for word, shape in ((SLIDING, (width,)), ("full", (3, width))):
        if count := words[1:].count(word):
            parts[f"{word}_queries"] = Parameter(shape=shape, component="attention", copies=count,
                                                 path="model.llm.attn_res.attn_queries.*")
    return {"outputs": parts, "embedding_norm": True}


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


def inkling_layers(config: Config) -> list[str]:
    """Five sliding layers, one full; or those `local_layer_ids` names slide."""
    types = config.listed("layer_types", str, config.layers)
    if types is not None:
        return [SLIDING if word == "hybrid_sliding" else "full" for word in types]
    local = config.listed("local_layer_ids", int)
    slides = {i for i in range(config.layers) if (i + 1) % 6} if local is None else set(local)
    return [SLIDING if i in slides else "full" for i in range(config.layers)]


def inkling2_attention(config: Config, word: str) -> Attention:
    """Gated instead of normed."""
    return inkling_attention(config, word).model_copy(update={"qk_norm": "none", "output_gate": "full"})


INKLING2 = Row(
    mixers=inkling_layers, mixer=inkling2_attention, block=inkling2_block,
    experts=Experts("n_routed_experts", correction_bias="buffer", more=STACKED), adjust=_padded,
    more=inkling2_queries,
    names={"embed_tokens": "model.llm.embed", "embedding_norm": "model.llm.embed_norm", "layers": "model.llm.layers",
           "norm": "model.llm.norm", "lm_head": "model.llm.unembed", "self_attn": "attn",
           "input_layernorm": "attn_norm", "post_attention_layernorm": "mlp_norm", "q_proj": "wq_du",
           "k_proj": "wk_dv", "v_proj": "wv_dv", "o_proj": "wo_ud", "gate": "gate_attn", "router": "gate",
           "experts.gate_up_proj": "experts.w13_weight", "experts.down_proj": "experts.w2_weight",
           "correction_bias": "gate.bias"})


def inkling2(config: Config) -> ModelSpec:
    """Full layers norm what queries, keys and values are made from apart."""
    return relaid(INKLING2(config), _one_norm)


def _one_norm(parts: dict[str, Any]) -> dict[str, Any]:
    """A layer without the norm that three others replace."""
    return {key: part for key, part in parts.items() if key != "attn_norm" or "q_input_norm" not in parts}


AGAIN = "_again"
"""Ends the word of a layer that runs several times."""
LOOP_KEYS = {"core_start": "loop_layer_index_start", "core_end": "loop_layer_index_end",
             "num_passes": "loop_num_passes", "gate_rank": "loop_gate_rank"}
"""Keys of `loop_config` to those of the class, which they go before."""


def _loop(config: Config) -> tuple[int, int, int, int]:
    """Where the layers that run again begin and end, how often they run, and the rank of what a pass tells the next."""
    own = config.settings("loop_config", *LOOP_KEYS)
    merged = config.reread({**config.data, **{LOOP_KEYS[name]: own[name] for name in LOOP_KEYS if name in own}})
    first, last, passes, rank = (merged.integer(key, least=0) for key in LOOP_KEYS.values())
    if not 0 < first <= last or passes < 1 or rank < 1:
        raise config.error("loop_layer_index_end", f"layers {first} to {last} cannot run {passes} times")
    return first, last, passes, rank


def _looped_layers(config: Config) -> list[str]:
    first, last, *_ = _loop(config)
    return [word + AGAIN if first <= index < last else word for index, word in enumerate(inkling_layers(config))]


def _looped_block(config: Config, word: str, ffn: str) -> dict[str, Any]:
    """A layer that runs again mixes what the pass before made into what its four inputs are made from."""
    block, rank, width = inkling2_block(config, word.removesuffix(AGAIN), ffn), _loop(config)[3], config.integer(
        "hidden_size")
    if not word.endswith(AGAIN):
        return block
    gates: dict[str, Component] = {}
    for place in ("attn", "k", "v", "mlp"):
        gates |= {f"controllers.{place}.{name}": Parameter(shape=shape, component="other", role="matmul")
                  for name, shape in (("down_weight", (rank, 2 * width)), ("forget_weight", (width, rank)),
                                      ("gain_weight", (width, rank)))}
    return {**block, "beside": {**block["beside"], **gates}}


def _looped_queries(config: Config) -> dict[str, Any]:
    """Two queries a layer that runs again for what it reads of the pass before, and two for keys and values."""
    more, (first, last, *_) = inkling2_queries(config), _loop(config)
    width = config.integer("hidden_size")
    if last == first:
        return more
    query = Parameter(shape=(2 * (last - first), width), component="attention")
    names = ("model.llm.middle_cycle_cross_pass_queries", "model.llm.middle_cycle_cross_pass_kv_queries")
    return {**more, "outputs": {**more["outputs"], **dict.fromkeys(names, query)}}


def inkling2_loop(config: Config) -> ModelSpec:
    """Inkling 2 whose middle layers run several times, each pass with keys, values and messages of its own."""
    row = replace(INKLING2, mixers=_looped_layers, block=_looped_block, more=_looped_queries,
                  mixer=lambda config, word: inkling2_attention(config, word.removesuffix(AGAIN)))
    passes = _loop(config)[2]

    def change(parts: dict[str, Any]) -> dict[str, Any]:
        inner = _one_norm(parts)
        if not any(key.startswith("controllers.") for key in parts):
            return inner
        uses = {key: max(1, passes - 1) if key.startswith("controllers.") else passes for key in inner}
        return {key: part.model_copy(update={"uses": uses[key]}) for key, part in inner.items()}

    return relaid(row(config), change)


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


ROWS: dict[str, Builder] = {
    "inkling_text": Row(mixers=inkling_layers, mixer=inkling_attention,
                        block=inkling_block, size=lambda c: inkling_sizes_of_experts(c)[0],
                        experts=Experts(layers=lambda c: ["sparse" if word == "moe" else word for word
                                                          in inkling_feed_forwards(c)]),
                        names={"router": "gate", "embedding_norm": "model.embed_tokens.embed_norm"},
                        more={"embedding_norm": True}, adjust=_untied),
    "inkling2_text": inkling2,
    "inkling2_loop_text": inkling2_loop,
}
