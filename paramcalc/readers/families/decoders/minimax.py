"""MiniMax: lightning attention, later experts with plain and with indexed attention.

Sources: transformers' modeling file of each, and what a row or rule names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.components.indexer import Indexer
from paramcalc.components.lightning import LightningAttention
from paramcalc.errors import LAYERS
from paramcalc.numbers import many
from paramcalc.readers.config.patterns import FULL, LINEAR, sparse_layers
from paramcalc.readers.families.decoder import Experts, Row
from paramcalc.readers.families.decoders.shared import CORRECTED, STACKED, W123

if TYPE_CHECKING:

    from paramcalc.readers.config.config import Config

M3_SPARSE = {"index_n_heads": "sparse_num_index_heads", "index_head_dim": "sparse_index_dim",
             "index_block_size": "sparse_block_size", "index_topk_blocks": "sparse_topk_blocks"}


def _m3(config: Config, key: str) -> int:
    published = config.get("sparse_attention_config")
    value = published.get(M3_SPARSE[key]) if isinstance(published, dict) else None
    return value if type(value) is int and value > 0 else config.integer(key)


def minimax_m3_layers(config: Config) -> list[str]:
    """Sparse where the published `sparse_attention_freq` says so."""
    published = config.get("sparse_attention_config")
    flags = published.get("sparse_attention_freq") if isinstance(published, dict) else None
    if flags is None:
        return [FULL] * config.layers
    if type(flags) is not list or len(flags) != config.layers:
        raise config.error("sparse_attention_config", f"sparse_attention_freq must list {many(config.layers, 'layer')}",
                           code=LAYERS)
    return ["indexed" if flag else FULL for flag in flags]


def minimax_m3_block(config: Config, mixer: str, _: str) -> dict[str, Any]:
    """An indexer that chooses blocks of keys."""
    if mixer != "indexed":
        return {}
    indexer = Indexer(num_heads=_m3(config, "index_n_heads"), head_dim=_m3(config, "index_head_dim"), query_norm=True,
                      key_norm="rmsnorm", head_weights=False)
    return {"top_k": _m3(config, "index_topk_blocks") * _m3(config, "index_block_size"),
            "beside": {"self_attn.indexer": indexer}}


def _minimax_layers(config: Config) -> list[str]:
    """Files published with code of their own list 1 for attention and 0 for lightning attention."""
    config.read |= UNREAD
    flags = config.listed("attn_type_list", int, config.layers)
    if flags is not None:
        return [FULL if flag else LINEAR for flag in flags]
    return [LINEAR if i % 2 else FULL for i in range(config.layers)]


UNREAD = {"postnorm", "shared_moe_mode", "max_model_len",
          *(f"layernorm_{part}_{factor}" for part in ("full_attention", "linear_attention", "mlp")
            for factor in ("alpha", "beta"))}
"""Keys of the first files: where residuals branch off and what they are multiplied by, and how a feed-forward that
none of them has would join."""


def _minimax_shared(config: Config) -> int:
    return config.integer("shared_intermediate_size", 0, least=0)


def lightning(config: Config, word: str) -> LightningAttention | None:
    """MiniMax's."""
    if word != LINEAR:
        return None
    return LightningAttention(num_heads=config.integer("num_attention_heads"), head_dim=config.head_dim,
                              block_size=config.integer("block_size"))


ROWS: dict[str, Row] = {
    "minimax": Row(pattern=_minimax_layers, mixer=lightning, names=W123,
                   experts=Experts(size="intermediate_size", shared=_minimax_shared)),
    "minimax_m2": Row(qk_norm="full", names=W123 | {"correction_bias": "e_score_correction_bias"},
                      experts=Experts(size="intermediate_size", correction_bias="buffer")),
    "minimax_m3_vl_text": Row(qk_norm="head", pattern=minimax_m3_layers, kinds=(FULL, "indexed"),
                              block=minimax_m3_block, size="dense_intermediate_size", more={"fused_gate_up": True},
                              names=CORRECTED,
                              experts=Experts(size="intermediate_size", layers=sparse_layers,
                                              shared=lambda c: c.integer("shared_intermediate_size"),
                                              correction_bias="buffer", more=STACKED | {"shared_fused": True})),
}
