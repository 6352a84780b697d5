"""The byte latent transformer: bytes are encoded into patches, a large model runs over patches, bytes are decoded.

Source: arXiv:2412.09871; transformers 5.23.0, blt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.components.attention import Attention
from paramcalc.components.base import Parts
from paramcalc.components.embedding import Embedding
from paramcalc.components.ffn import FeedForward
from paramcalc.components.layout import Repeat
from paramcalc.components.linear import Head, Linear
from paramcalc.components.norm import Norm
from paramcalc.components.stack import Stack
from paramcalc.readers.config.config import Config
from paramcalc.readers.config.defaults import FamilyData
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Builder

SHARED = {"num_key_value_heads": None, "vocab_size": 260}
DEFAULTS: dict[str, dict[str, Any]] = {
    "encoder_config": SHARED | {"hidden_size": 1024, "num_attention_heads": 16, "num_hidden_layers": 1,
                                "cross_attn_all_layers": False, "cross_attn_k": 2, "intermediate_size": None},
    "global_config": SHARED | {"hidden_size": 2048, "num_attention_heads": 16, "num_hidden_layers": 25,
                               "intermediate_size": 5632},
    "decoder_config": SHARED | {"hidden_size": 1024, "num_attention_heads": 16, "num_hidden_layers": 9,
                                "hidden_size_global": 2048, "cross_attn_all_layers": True, "cross_attn_k": 2,
                                "intermediate_size": 2816},
    "patcher_config": SHARED | {"hidden_size": 768, "num_attention_heads": 12, "num_hidden_layers": 14,
                                "intermediate_size": 2048, "sliding_window": 512},
}
"""What the classes of the parts say where a file is silent (configuration_blt.py)."""
NORM = Norm(kind="rmsnorm")


def blt(config: Config) -> ModelSpec:
    """The specification of one config: four models in one."""
    encoder, latent, decoder, patcher = (_part(config, key) for key in DEFAULTS)
    config.note("bytes and patches count as the same tokens: how many bytes make a patch depends on the text")
    modules = _encoder(config, encoder) | _global(config, encoder, latent) | _decoder(config, decoder)
    layers = {"encoder": (encoder, config.integer("local_attention_window_len")), "global": (latent, None),
              "decoder": (decoder, None)}
    if config.flag("patch_in_forward", default=True):
        modules |= _patcher(config, patcher)
        layers["patcher"] = (patcher, patcher.optional("sliding_window"))
    if not config.bare:
        modules["lm_head"] = Head(rows=config.integer("vocab_size"), hidden_size=decoder.integer("hidden_size"),
                                  tied=config.tied)
    blocks = {name: {"parts": _layer(part, window)} for name, (part, window) in layers.items()}
    return ModelSpec.model_validate({
        "hidden_size": latent.integer("hidden_size"), "vocab_size": config.integer("vocab_size"), "modules": modules,
        "blocks": blocks | {"cross_encoder": {"parts": _cross(encoder)}, "cross_decoder": {"parts": _cross(decoder)}},
        "tie_embeddings": config.tied and not config.bare,
    })


def _part(config: Config, key: str) -> Config:
    data = config.get(key) or {}
    if not isinstance(data, dict):
        raise config.expected(key, "a mapping")
    return config.part(key, data, FamilyData(DEFAULTS[key], {}, ()), key)


def _stack(part: Config, block: str, layers: int | None = None) -> Stack:
    return Stack(of=(Repeat(repeat=layers or part.layers, of=(block,)),), hidden_size=part.integer("hidden_size"))


def _norm(part: Config) -> Norm:
    return Norm(kind="rmsnorm", hidden_size=part.integer("hidden_size"))


def _projection(into: int, out: int) -> Linear:
    return Linear(in_features=into, out_features=out, component="other_embedding")


def _encoder(config: Config, part: Config) -> Parts:
    width = part.integer("hidden_size")
    groups = config.listed("encoder_hash_byte_group_size", int) or [3, 4, 5, 6, 7, 8]
    rows = (config.integer("encoder_hash_byte_group_vocab") * config.integer("encoder_hash_byte_group_nb_functions")
            * len(groups))
    root = config.rooted("model.local_encoder")
    return {
        f"{root}.embed_tokens": Embedding(rows=part.integer("vocab_size"), hidden_size=width),
        config.rooted("model.encoder_hash_tok_embedding"): Embedding(rows=rows, hidden_size=width,
                                                                     component="other_embedding"),
        f"{root}.layers": _stack(part, "encoder"),
        f"{root}.patch_embedding_projection": _projection(width, width * part.integer("cross_attn_k")),
        f"{root}.cross_attn_layers": _stack(part, "cross_encoder", _crossings(part)),
    }


def _global(config: Config, encoder: Config, part: Config) -> Parts:
    root = config.rooted("model.global_transformer")
    into = encoder.integer("hidden_size") * config.integer("cross_attn_k")
    parts: Parts = {}
    if into != part.integer("hidden_size"):
        parts[f"{root}.token_embedding_projection"] = _projection(into, part.integer("hidden_size"))
    return parts | {f"{root}.layers": _stack(part, "global")}


def _decoder(config: Config, part: Config) -> Parts:
    root, width = config.rooted("model.local_decoder"), part.integer("hidden_size")
    return {
        f"{root}.patch_embedding_projection": _projection(part.integer("hidden_size_global"),
                                                          width * part.integer("cross_attn_k")),
        f"{root}.cross_attn_layers": _stack(part, "cross_decoder", _crossings(part)),
        f"{root}.layers": _stack(part, "decoder"), f"{root}.norm": _norm(part),
    }


def _patcher(config: Config, part: Config) -> Parts:
    """A small model whose surprise at the next byte ends a patch; never trained with the rest."""
    root, width, rows = config.rooted("model.patcher"), part.integer("hidden_size"), part.integer("vocab_size")
    return {
        f"{root}.embed_tokens": Embedding(rows=rows, hidden_size=width, frozen=True),
        f"{root}.layers": _stack(part, "patcher"), f"{root}.norm": _norm(part),
        f"{root}.lm_head": Head(rows=rows, hidden_size=width),
    }


def _crossings(part: Config) -> int:
    return part.layers if part.flag("cross_attn_all_layers") else 1


def _attention(part: Config, window: int | None = None) -> Attention:
    heads = part.integer("num_attention_heads")
    return Attention(num_heads=heads, num_kv_heads=part.kv_heads, head_dim=part.integer("hidden_size") // heads,
                     window=window)


def _layer(part: Config, window: int | None) -> Parts:
    size = part.optional("intermediate_size") or 8 * part.integer("hidden_size") // 3
    return {"input_layernorm": NORM, "self_attn": _attention(part, window),
            "post_attention_layernorm": NORM, "mlp": FeedForward(intermediate_size=size)}


def _cross(part: Config) -> Parts:
    """Queries from one stream, keys and values from the other, each normed before its projections."""
    attention = _attention(part).model_copy(update={"path": "", "causal": False})
    return {"q_norm": NORM, "k_norm": NORM, "attention": attention}


ROWS: dict[str, Builder] = {"blt": blt}
