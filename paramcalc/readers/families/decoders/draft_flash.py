"""DFlash and what is made of it: drafts of a block of tokens at once, a few layers of Qwen3's kind that attend to a
projection of several of the target's states.

Sources: z-lab/dflash, sgl-project/SpecForge specforge/modeling/draft and vllm-project/speculators models/dflash,
models/dspark, models/xpress and models/dflash2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.base import Parts
from paramcalc.components.embedding import Embedding
from paramcalc.components.linear import Linear, Parameter
from paramcalc.components.norm import Norm
from paramcalc.readers.config.defaults import FamilyData
from paramcalc.readers.families.decoders.drafts import (
    decoder_layer,
    draft_spec,
    is_speculator,
    layer_config,
    normalizes_heads,
    shares,
    token_maps,
)

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Builder, Config
    from paramcalc.spec.model import ModelSpec

DSPARK_KEYS = ("markov_rank", "markov_head_type", "enable_confidence_head", "confidence_head_with_markov")
GRU_GATES = 3
"""Matrices of a gated recurrent unit, stored as one. torch.nn.GRU."""


def dflash(config: Config) -> ModelSpec:
    """DFlash: no table and no head of its own, unless the file is of the speculators format."""
    layer = layer_config(config)
    key = "aux_hidden_state_layer_ids" if is_speculator(config) else "target_layer_ids"
    targets = _own(config, key).get(key)
    if not isinstance(targets, list) or not 0 < len(targets) <= layer.layers * 64:
        raise config.expected(key if is_speculator(config) else "dflash_config",
                              f"{key}, a list of the target's layers")
    config.read |= {"block_size", "num_target_layers", "sliding_window_non_causal", "sample_from_anchor",
                    "mask_token_id", "target_hidden_size"}
    width = layer.integer("hidden_size")
    modules: Parts = {"fc": Linear(in_features=len(targets) * width), "hidden_norm": Norm(kind="rmsnorm")}
    for index in range(layer.layers):
        modules |= decoder_layer(layer, f"layers.{index}", qk_norm=normalizes_heads(layer))
    return draft_spec(layer, _own_tokens(config, layer) | modules | {"norm": Norm(kind="rmsnorm")})


def dspark(config: Config) -> ModelSpec:
    """DSpark: DFlash with a table of bigrams of low rank, and a head that predicts what will be accepted."""
    spec, own, layer = dflash(config), _own(config, *DSPARK_KEYS), layer_config(config)
    rank, width = own.usual("markov_rank", 256, least=0), layer.integer("hidden_size")
    kind = own.choice("markov_head_type", ("vanilla", "gated", "rnn"), "vanilla")
    heads: Parts = {}
    if rank:
        at = "markov_head"
        heads |= {f"{at}.markov_w1": Embedding(hidden_size=rank, component="other_embedding"),
                  f"{at}.markov_w2": Linear(in_features=rank, out_features=_draft_rows(config, layer))}
        if kind == "gated":
            heads[f"{at}.gate_proj"] = Linear(in_features=width + rank, out_features=rank, bias=True)
        if kind == "rnn":
            heads[f"{at}.joint_proj"] = Linear(in_features=2 * rank + width, out_features=3 * rank, bias=True)
    if own.flag("enable_confidence_head", default=True):
        inputs = width + rank if own.flag("confidence_head_with_markov", default=True) else width
        heads["confidence_head.proj"] = Linear(in_features=inputs, out_features=1, bias=True)
    own.choice("attention_mode", ("gqa",), "gqa")
    own.read |= {"confidence_head_alpha"}
    return spec.model_copy(update={"modules": {**(spec.modules or {}), **heads}})


def domino(config: Config) -> ModelSpec:
    """Domino: DFlash whose logits are corrected from what a recurrent unit says of the tokens drafted before."""
    spec, own, layer = dflash(config), _own(config, "gru_hidden_dim"), layer_config(config)
    width, inner, low = layer.integer("hidden_size"), own.integer("gru_hidden_dim"), own.integer("emb_dim")
    own.read |= {"pure_draft_prefix_len", "shift_label"}
    config.read |= {"emb_dim"}
    heads: Parts = {
        f"prefix_gru.weight_{name}_l0": Parameter(shape=(GRU_GATES * inner, reads), role="matmul")
        for name, reads in (("ih", width), ("hh", inner))}
    heads |= {"embed_proj.0": Linear(in_features=width + inner, out_features=low),
              "embed_proj.2": Linear(in_features=low, out_features=layer.integer("vocab_size"))}
    return spec.model_copy(update={"modules": {**(spec.modules or {}), **heads}})


def xpress(config: Config) -> ModelSpec:
    """XPress: DFlash whose tokens a small refiner mixes: states and tokens of low rank, a matrix of the places of a
    block for each value, a gated feed-forward."""
    spec, layer = dflash(config), layer_config(config)
    rank, block = config.usual("xpress_rank", 256), config.usual("block_size", 8)
    width = layer.integer("hidden_size")
    inner, at = rank * config.usual("xpress_mlp_ratio", 2), "refiner_head"
    config.read.add("num_jacobi_passes")
    heads: Parts = {
        f"{at}.mix_l": Parameter(shape=(rank, block, block), role="matmul"),
        f"{at}.token_embed": Embedding(hidden_size=rank, component="other_embedding"),
        **{f"{at}.{name}": Linear(in_features=reads, out_features=gives) for name, reads, gives in (
            ("down_h", width, rank), ("down_g", width, rank), ("in_proj", 3 * rank, rank), ("mlp_gate", rank, inner),
            ("mlp_up", rank, inner), ("mlp_down", inner, rank), ("readout", rank, _draft_rows(config, layer)))}}
    return spec.model_copy(update={"modules": {**(spec.modules or {}), **heads}})


def dflash2(config: Config) -> ModelSpec:
    """DFlash 2: each part of a layer between causal convolutions whose kernels each token changes by groups of
    channels, and tables that rank what may follow what."""
    spec, layer = dflash(config), layer_config(config)
    width, taps = layer.integer("hidden_size"), config.usual("conv_kernel_size", 2)
    groups, rank = width // config.usual("conv_group_size", 16), config.usual("selector_rank", 256)
    config.read.add("selector_top_k")
    parts: Parts = {}
    for index in range(layer.layers):
        for at in (f"layers.{index}.attention_conv", f"layers.{index}.mlp_conv"):
            parts |= {f"{at}.base_kernel": Parameter(shape=(2, taps, width), scales=True),
                      f"{at}.kernel_projection": Linear(out_features=2 * taps * groups)}
    for name in ("predecessor", "successor"):
        parts[f"candidate_selector.{name}_codebook"] = Parameter(
            shape=(layer.integer("vocab_size"), rank), role="lookup", component="other_embedding")
    parts["candidate_selector.hidden_projection"] = Linear(out_features=rank)
    return spec.model_copy(update={"modules": {**(spec.modules or {}), **parts}})


def _own(config: Config, *keys: str) -> Config:
    """Where a draft's own settings stand: under `dflash_config` where that has one of `keys`, or beside the layers'."""
    inside = config.get("dflash_config")
    if not isinstance(inside, dict) or not inside.keys() & set(keys):
        return config
    own = config.part("dflash_config", inside, FamilyData({}, {}, ()), config.model_type)
    own.choice("projector_type", (config.model_type,), config.model_type)
    own.read |= {"mask_token_id", "target_layer_ids"}
    return own


def _draft_rows(config: Config, layer: Config) -> int:
    """Tokens the draft can give."""
    return config.integer("draft_vocab_size") if is_speculator(config) else layer.integer("vocab_size")


def _own_tokens(config: Config, layer: Config) -> Parts:
    """The table and the head that files of the speculators format hold."""
    if not is_speculator(config):
        return {}
    draft, rows = _draft_rows(config, layer), layer.integer("vocab_size")
    modules: Parts = {} if shares(config) else {"embed_tokens": Embedding()}
    if draft != rows or not shares(config):
        modules["lm_head"] = Linear(out_features=draft, component="lm_head")
    return modules | (token_maps(draft, rows) if draft != rows else {})


ROWS: dict[str, Builder] = {"dflash": dflash, "dflash2": dflash2, "domino": domino, "dspark": dspark,
                            "xpress": xpress}
