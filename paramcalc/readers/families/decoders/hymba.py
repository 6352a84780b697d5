"""Hymba: attention and Mamba side by side on one projection, tokens of memory before every sequence, keys and values
that neighbouring layers share.

Sources: arXiv:2411.13676; nvidia/Hymba-1.5B-Base modeling_hymba.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.components.attention import Attention
from paramcalc.components.linear import Parameter
from paramcalc.components.norm import Norm
from paramcalc.readers.families.decoder import Row
from paramcalc.readers.families.decoders.mamba import mamba_within

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Builder, Config

NAMES = {"self_attn": "mamba.self_attn", "mlp": "moe.experts.0", "post_attention_layernorm": "pre_moe_layernorm",
         "norm": "model.final_layernorm"}
MAMBA = {"x_proj": "x_proj.0", "dt_proj": "dt_proj.0", "A_log": "A_log.0", "D": "D.0", "b_layernorm": "B_layernorm",
         "c_layernorm": "C_layernorm"}


def _words(config: Config) -> list[str]:
    """What each layer sees, and whether its keys and values are an earlier one's."""
    groups, every = config.get("kv_reuse_group"), config.integer("kv_reuse_every_i_layer", -1, least=-1)
    borrow: set[object] = set()
    if groups is not None:
        if not isinstance(groups, list) or not all(isinstance(group, list) for group in groups):
            raise config.expected("kv_reuse_group", "a list of lists of layers")
        borrow = {layer for group in groups for layer in group[1:] if isinstance(layer, int)}
    elif every > 0:
        borrow = {*(layer for layer in range(config.layers) if layer % every)}
    unlimited = config.listed("global_attn_idx", int) or []
    everywhere = config.optional("sliding_window") is None
    return [("full" if everywhere or layer in unlimited else "sliding") + ("_shared" if layer in borrow else "")
            for layer in range(config.layers)]


def _attention(config: Config, word: str) -> Attention:
    """Queries, keys and values come from Mamba's projection; values are as wide as Mamba, so that both can be added."""
    heads, width = config.integer("num_attention_heads"), config.integer("hidden_size")
    config.read |= {"kq_head_dim", "v_head_dim", "attn_hidden_size"}  # the class sets the second and needs no others
    qk_norm = {"none": "none", "rms": "head"}[config.choice("kq_norm", ("none", "rms"), "none")]
    return Attention.model_validate({
        "num_heads": heads, "num_kv_heads": config.kv_heads, "head_dim": width // heads,
        "v_head_dim": _inner(config) // heads, "qk_norm": qk_norm, "shares_kv": word.endswith("_shared"),
        "window": config.optional("sliding_window") if word.startswith("sliding") else None,
        "prompt": config.integer("num_memory_tokens", 0, least=0), "projected": False, "output": False})


def _inner(config: Config) -> int:
    return config.integer("mamba_expand") * config.integer("hidden_size")


def _block(config: Config, word: str, _: str) -> dict[str, Any]:
    """Mamba beside attention, and a norm of what either gives before their mean is taken."""
    attention, inner = _attention(config, word), _inner(config)
    head, values = attention.head_dim or 1, attention.v_head_dim or 1
    shared = 0 if attention.shares_kv else (config.kv_heads or attention.num_heads) * (head + values)
    mixer = mamba_within(config, norms=config.flag("mamba_inner_layernorms")).model_copy(
        update={"beside": attention.num_heads * head + shared, "names": MAMBA})
    norm = Norm(kind="rmsnorm", hidden_size=inner)
    return {"beside": {"mamba": mixer, "mamba.pre_avg_layernorm1": norm, "mamba.pre_avg_layernorm2": norm}}


def _memory(config: Config) -> dict[str, Any]:
    tokens = config.integer("num_memory_tokens", 0, least=0)
    config.read |= {"conv_dim", "layer_type", "memory_tokens_interspersed_every", "mlp_hidden_act", "num_experts",
                    "num_experts_per_tok", "num_mamba", "orig_max_position_embeddings", "use_mamba_kernels"}
    if not tokens:
        return {}
    shape = (tokens, config.integer("hidden_size"))
    return {"inputs": {config.rooted("model.memory_tokens"): Parameter(
        shape=shape, component="other_embedding", added=True)}}


ROWS: dict[str, Builder] = {
    "hymba": Row(mixers=_words, mixer=_attention, block=_block, names=NAMES, more=_memory,
                 position=lambda c: "rotary" if c.flag("rope") else "none"),
}
