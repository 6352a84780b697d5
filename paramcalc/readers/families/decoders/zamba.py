"""Zyphra's decoders: Zamba and Zamba2, Mamba layers some of which follow a block with shared weights, and Zaya.

Sources: arXiv:2405.16712, arXiv:2411.15242.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.components.attention import Attention
from paramcalc.components.base import Parts
from paramcalc.components.convolved_attention import ConvolvedAttention
from paramcalc.components.ffn import FeedForward
from paramcalc.components.layout import roll
from paramcalc.components.linear import Linear, Parameter
from paramcalc.components.mamba import Mamba2
from paramcalc.components.norm import Norm
from paramcalc.errors import HEADS, LAYERS
from paramcalc.numbers import many
from paramcalc.readers.config.patterns import LINEAR, SLIDING, at_offset, mixers
from paramcalc.readers.families.decoder import Experts, Row, topped
from paramcalc.readers.families.decoders.mamba import mamba_within
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paramcalc.components.base import Component
    from paramcalc.readers.config.config import Builder, Config


def _zaya_more(config: Config) -> dict[str, Any]:
    values = Parameter(shape=(config.integer("hidden_size"),))
    return {"inputs": {placed(config, f"model.input_hidden_states_{name}"): values
                       for name in ("scale", "bias")}}


def placed(config: Config, path: str) -> str:
    """A module's path in the class: the base class is not inside another."""
    return config.rooted(path) if config.bare else path


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


HYBRID = "hybrid"
ZAMBA2_PATTERN = ([LINEAR] + ([LINEAR] * 5 + [HYBRID]) * 7 + [LINEAR] * 4 + [HYBRID] + [LINEAR] * 3 + [HYBRID]
                  + [LINEAR] * 2)


def zamba(config: Config) -> ModelSpec:
    """One transformer block for every hybrid layer."""
    words = mixers(config, _zamba_pattern(config))
    mixer = mamba_within(config, heads=config.integer("n_mamba_heads"))
    attention_width = config.optional("attention_hidden_size") or 2 * config.integer("hidden_size")
    head_dim = config.optional("attention_head_dim")
    block = _block(config, attention_width, head_dim or _per_head(config), fused=False, bias=False)
    hybrids = _shared(config, "shared_transf", [block] * words.count(HYBRID), 1)
    return _spec(config, words, mixer, hybrids)


def zamba2(config: Config) -> ModelSpec:
    """`num_mem_blocks` transformer blocks in turn, each use with low-rank adapters of its own."""
    words = _zamba2_words(config)
    uses, slots, blocks = words.count(HYBRID), _slots(config), config.integer("num_mem_blocks")
    if slots != uses:
        config.note(f"each block is counted with its share of {many(slots, 'adapter')}, as the class builds them, for "
                    f"{many(uses, 'hybrid layer')}: it counts hybrid_layer_ids, or layers_block_type, not layer_types")
    attention_width = 2 * config.integer("hidden_size")
    head_dim = config.optional("attention_head_dim") or _per_head(config)
    plain = _block(config, config.optional("attention_hidden_size") or attention_width, head_dim, fused=True,
                   bias=config.flag("add_bias_linear"))
    adapted = [plain | (_adapters(config, *(len(range(use % blocks, count, blocks)) for count in (uses, slots)))
                        if _stored(config, use, blocks) else {})
               for use in range(uses)]
    spec = _spec(config, words, _zamba2_mixer(config), _shared(config, "shared_transformer", adapted, blocks))
    return spec.model_copy(update={"position": "rotary"}) if config.flag("use_mem_rope") else spec


def _slots(config: Config) -> int:
    """Adapters of all blocks together: one for each entry of `hybrid_layer_ids`, which the class works out before it
    takes `layer_types` for `layers_block_type`."""
    ids, words = config.listed("hybrid_layer_ids", int), config.data.get("layers_block_type")
    if ids is not None:
        return len(ids)
    return words.count(HYBRID) if isinstance(words, list) else ZAMBA2_PATTERN.count(HYBRID)


def _zamba2_words(config: Config) -> list[str]:
    words = mixers(config, ZAMBA2_PATTERN)
    if len(words) != config.layers:
        raise config.error("layers_block_type", f"has {many(len(words), 'entry')} for {many(config.layers, 'layer')}",
                           f"give one entry a layer; the class's own pattern has {len(ZAMBA2_PATTERN)}", code=LAYERS)
    return words


def _zamba_pattern(config: Config) -> list[str]:
    """The first three layers are fixed; the period starts after them."""
    rest = at_offset(config, "attn_layer_period", "attn_layer_offset", HYBRID, LINEAR)
    return [LINEAR, LINEAR, HYBRID, *rest][: max(config.layers, 3)]


def _per_head(config: Config) -> int:
    return 2 * config.integer("hidden_size") // config.integer("num_attention_heads")


def _zamba2_mixer(config: Config) -> Mamba2:
    heads, inner = config.integer("n_mamba_heads"), config.integer("mamba_expand") * config.integer("hidden_size")
    if inner % heads:
        raise config.error("n_mamba_heads", f"{heads} does not divide the inner width ({inner:,})", code=HEADS)
    head_dim = config.optional("mamba_headdim")
    if head_dim is not None and head_dim * heads != inner:
        raise config.error("mamba_headdim", f"{many(heads, 'head')} of {head_dim} are not the inner width ({inner:,})",
                           code=HEADS)
    return Mamba2(num_heads=heads, head_dim=inner // heads, state_size=config.integer("mamba_d_state"),
                  groups=config.integer("mamba_ngroups"), conv_kernel=config.integer("mamba_d_conv"),
                  bias=config.flag("add_bias_linear"), block_size=config.integer("chunk_size"))


def _block(config: Config, attention_width: int, head_dim: int, *, fused: bool, bias: bool) -> Parts:
    """Attention over the state and the embeddings side by side, then a feed-forward."""
    size = config.optional("intermediate_size") or 4 * config.integer("hidden_size")
    return {
        "self_attn": Attention(num_heads=config.integer("num_attention_heads"), num_kv_heads=config.kv_heads,
                               head_dim=head_dim, hidden_size=attention_width,
                               output_size=config.integer("hidden_size")),
        "feed_forward": FeedForward(intermediate_size=size, fused=fused, bias=bias),
        "input_layernorm": Norm(kind="rmsnorm", hidden_size=attention_width), "pre_ff_layernorm": Norm(kind="rmsnorm"),
    }


def _adapters(config: Config, uses: int, slots: int) -> Parts:
    """A block keeps `slots` adapters, usually one for each of its uses, at each of which a token meets one; all of them
    with the block's first use where it is shared, one where each layer has its own."""
    if not slots:
        return {}
    rank, width = config.integer("adapter_rank"), config.integer("hidden_size")
    size = config.optional("intermediate_size") or 4 * width
    places = [("feed_forward.gate_up_proj_adapter_list", width, 2 * size, "ffn")]
    if config.flag("use_shared_attention_adapter"):
        places += [(f"self_attn.linear_{name}_adapter_list", 2 * width, 2 * width, "attention") for name in "qkv"]
    copies = min(uses, slots) if config.tied else 1
    parts: Parts = {}
    for path, into, out, bucket in places:
        for index, (rows, columns) in enumerate([(rank, into), (out, rank)]):
            parts[f"{path}.*.{index}"] = Linear.model_validate(
                {"out_features": rows, "in_features": columns, "component": bucket, "copies": copies,
                 "stored": None if copies == slots else slots, "path": f"{path}.*.*", "parallel": index == 0})
    return parts


def _shared(config: Config, prefix: str, uses: Sequence[Parts], blocks: int) -> list[Parts]:
    """The block of each use; only the first use of each block holds weights, unless the class ties nothing."""
    if not config.tied and len(uses) > blocks:
        config.note("tie_word_embeddings is false: the class then shares no block either, and each hybrid layer has "
                    "its own")
    blocks_parts: list[Parts] = []
    for use, parts in enumerate(uses):
        update = {} if _stored(config, use, blocks) else {"stored": 0}
        blocks_parts.append({f"{prefix}.{key}": _moved(part, prefix).model_copy(update=update)
                      for key, part in parts.items()})
    return blocks_parts


def _stored(config: Config, use: int, blocks: int) -> bool:
    return use < blocks or not config.tied


def _moved(part: Component, prefix: str) -> Component:
    return part if part.path is None else part.model_copy(update={"path": f"{prefix}.{part.path}"})


def _spec(config: Config, words: list[str], mixer: Component, hybrids: list[Parts]) -> ModelSpec:
    norm = Norm(kind="rmsnorm")
    blocks: dict[str, dict[str, Any]] = {"mamba": {"parts": {"input_layernorm": norm, "mamba": mixer}}}
    behind: Parts = {"linear": Linear(), "mamba_decoder.input_layernorm": norm, "mamba_decoder.mamba": mixer}
    if any(word not in (LINEAR, HYBRID) for word in words):
        raise config.error("layers_block_type", "has a layer that is neither a scan nor hybrid", code=LAYERS)
    called: list[str] = []
    names = iter(_called(hybrids))
    uses = iter(hybrids)
    for word in words:
        called.append("mamba" if word == LINEAR else next(names))
        if word != LINEAR:
            blocks.setdefault(called[-1], {"parts": {**next(uses), **behind}})
    fields: dict[str, Any] = {
        "vocab_size": config.integer("vocab_size"), "hidden_size": config.integer("hidden_size"), "position": "none",
        "tie_embeddings": config.tied, "blocks": {name: blocks[name] for name in dict.fromkeys(called)},
        "layers": tuple(roll(called)),
    }
    return ModelSpec.model_validate(fields | topped(config, {"norm": "model.final_layernorm"}))


def _called(hybrids: list[Parts]) -> list[str]:
    """A name for each use of a block: the same for equal ones."""
    distinct: list[Parts] = []
    names = []
    for parts in hybrids:
        if parts not in distinct:
            distinct.append(parts)
        names.append(f"hybrid_{distinct.index(parts) + 1}")
    return names


ROWS: dict[str, Builder] = {
    "zamba": zamba,
    "zamba2": zamba2,
    "zaya": Row(mixers=zaya_layers, mixer=zaya_attention, block=zaya_block,
                head_bias="lm_head_bias", experts=Experts(layers=zaya_feed_forwards), more=_zaya_more,
                names={"q_proj": "qkv_proj.q_proj", "k_proj": "qkv_proj.k_proj", "temperature": "qk_norm.temp",
                       "v_proj_current": "qkv_proj.v_proj_current", "v_proj_delayed": "qkv_proj.v_proj_delayed",
                       "conv_qk_depthwise": "qkv_proj.conv_qk_depthwise",
                       "conv_qk_grouped": "qkv_proj.conv_qk_grouped"}),
}
