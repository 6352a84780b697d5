"""Decoders whose layers each have sizes of their own: Nemotron NAS (DeciLM) and OpenELM.

Sources: the modeling file of each type's own repository, named in `readers/config/published_types.py`.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from paramcalc.components.attention import QKVO, Attention
from paramcalc.components.ffn import FeedForward
from paramcalc.components.layout import roll
from paramcalc.components.linear import Linear
from paramcalc.components.norm import Norm
from paramcalc.errors import KV_HEADS, LAYERS
from paramcalc.numbers import many
from paramcalc.readers.families.decoder import topped
from paramcalc.readers.text.values import described, expected
from paramcalc.spec.layer import Block
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paramcalc.components.base import Component
    from paramcalc.readers.config.config import Builder, Config

MULTIPLE = 256
"""DeciLM rounds the width of a feed-forward up to a multiple of this."""


def nemotron_nas(config: Config) -> ModelSpec:
    """Layers as `block_configs` says: attention or feed-forward dropped, replaced by a matrix, or of their own size."""
    entries = config.get("block_configs")
    if not isinstance(entries, list) or len(entries) != config.layers:
        raise config.expected("block_configs", f"one mapping for each of {many(config.layers, 'layer')}",
                              code=LAYERS)
    layers = [_deci_layer(config, entry, index) for index, entry in enumerate(entries)]
    return _model(config, layers)


def _deci_layer(config: Config, entry: object, index: int) -> dict[str, Component]:
    attention, ffn = (entry.get("attention"), entry.get("ffn")) if isinstance(entry, dict) else (None, None)
    if not isinstance(attention, dict) or not isinstance(ffn, dict):
        raise config.expected("block_configs", "mappings `attention` and `ffn`", index=index)
    parts: dict[str, Component] = {}
    width = config.integer("hidden_size")
    if attention.get("replace_with_linear"):
        parts |= {"input_layernorm": Norm(kind="rmsnorm"),
                  "self_attn": Linear(component="attention", names={"": "linear_attn"})}
    elif not attention.get("no_op"):
        heads, group = config.integer("num_attention_heads"), attention.get("n_heads_in_group")
        if not isinstance(group, int) or not 0 < group <= heads or heads % group:
            raise config.error("block_configs", f"n_heads_in_group must divide the {many(heads, 'head')}, found "
                               f"{described(group)}", index=index, code=KV_HEADS)
        parts |= {"input_layernorm": Norm(kind="rmsnorm"), "self_attn": Attention(
            num_heads=heads, num_kv_heads=heads // group, head_dim=config.head_dim,
            bias=QKVO if config.flag("attention_bias") else ())}
    if ffn.get("replace_with_linear"):
        parts |= {"post_attention_layernorm": Norm(kind="rmsnorm"),
                  "mlp": Linear(component="ffn", names={"": "linear_mlp"})}
    elif not ffn.get("no_op"):
        multiplier = ffn.get("ffn_mult")
        if not isinstance(multiplier, int | float) or not 0 < multiplier <= 1024:
            raise config.error(
                "block_configs", f"ffn_mult: {expected('a number between 0 and 1,024', multiplier)}", index=index)
        size = ceil(int(2 * multiplier * width / 3) / MULTIPLE) * MULTIPLE
        parts |= {"post_attention_layernorm": Norm(kind="rmsnorm"),
                  "mlp": FeedForward(intermediate_size=size, bias=config.flag("mlp_bias"))}
    return parts


OPENELM = {"embed_tokens": "transformer.token_embeddings", "layers": "transformer.layers", "norm": "transformer.norm"}


def openelm(config: Config) -> ModelSpec:
    """Layers with heads and feed-forwards of their own, listed in the config. arXiv:2404.14619."""
    count = config.layers
    queries = _listed(config, "num_query_heads", count)
    keys = _listed(config, "num_kv_heads", count)
    width, divisor = config.integer("hidden_size"), config.integer("ffn_dim_divisor", 256)
    multipliers = config.get("ffn_multipliers")
    if not isinstance(multipliers, list) or len(multipliers) != count:
        raise config.expected("ffn_multipliers", f"one number for each of {many(count, 'layer')}", code=LAYERS)
    layers = []
    for index, multiplier in enumerate(multipliers):
        if type(multiplier) not in (int, float) or not 0 < multiplier <= 1024:
            raise config.expected("ffn_multipliers", "a number between 0 and 1,024", index=index)
        layers.append(_openelm_layer(config, queries[index], keys[index], _divisible(multiplier * width, divisor)))
    return _model(config, layers, OPENELM, tied=config.flag("share_input_output_layers", default=True))


def _openelm_layer(config: Config, heads: int, kv_heads: int, size: int) -> dict[str, Component]:
    qk_norm = "head" if config.flag("normalize_qk_projections") else "none"
    return {
        "attn_norm": Norm(kind="rmsnorm"),
        "attn": Attention.model_validate({"num_heads": heads, "num_kv_heads": kv_heads, "qk_norm": qk_norm,
                                          "fused": "qkv", "head_dim": config.integer("head_dim"),
                                          "names": {"o_proj": "out_proj"}}),
        "ffn_norm": Norm(kind="rmsnorm"),
        "ffn": FeedForward(intermediate_size=size, fused=True, names={"gate_up_proj": "proj_1", "down_proj": "proj_2"}),
    }


def _divisible(value: float, divisor: int) -> int:
    """The multiple of `divisor` nearest to a value, and not more than a tenth below it (CVNets' make_divisible)."""
    nearest = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return nearest + divisor if nearest < 0.9 * value else nearest


def _listed(config: Config, key: str, count: int) -> list[int]:
    values = config.per_layer(key, count)
    for index, value in enumerate(values):
        if not value:
            raise config.expected(key, "an integer of at least 1", index=index)
    return values


def _model(config: Config, layers: Sequence[dict[str, Component]], names: dict[str, str] | None = None,
           tied: bool | None = None) -> ModelSpec:
    """The model of layers written out part by part, equal ones once."""
    kinds: list[dict[str, Component]] = []
    words = []
    for layer in layers:
        if layer not in kinds:
            kinds.append(layer)
        words.append(f"layer_{kinds.index(layer)}")
    fields = {"vocab_size": config.integer("vocab_size"), "hidden_size": config.integer("hidden_size"),
              "tie_embeddings": config.tied if tied is None else tied, "layers": tuple(roll(words)),
              "blocks": {f"layer_{index}": Block(parts=parts) for index, parts in enumerate(kinds)}}
    return ModelSpec.model_validate(fields | topped(config, names or {}))


ROWS: dict[str, Builder] = {
    "nemotron-nas": nemotron_nas,
    "openelm": openelm,
}
