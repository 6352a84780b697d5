"""Dia: a reader of bytes, and a decoder of several codes of sound a step. github.com/nari-labs/dia."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from paramcalc.components.attention import Attention
from paramcalc.components.base import Parts
from paramcalc.readers.families.towers.alone import model
from paramcalc.readers.families.towers.composite import nested
from paramcalc.readers.families.towers.frame import Layer, layers
from paramcalc.readers.families.towers.parts import ROTARY, dense, rms, table

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.model import ModelSpec

ENCODER = Layer("pre_sa_norm", "self_attention", "post_sa_norm", norm="rmsnorm", bias=(), gated=True, fused_gate=True,
                mlp_bias=False, names={})
DECODER = Layer("pre_sa_norm", "self_attention", "pre_mlp_norm", norm="rmsnorm", bias=(), gated=True, fused_gate=True,
                mlp_bias=False, names={})


def _sized(config: Config, shape: Layer) -> Layer:
    return replace(shape, kv_heads=config.kv_heads, head_dim=config.head_dim)


def dia(config: Config) -> ModelSpec:
    """Both, and one matrix to all codes of a step."""
    bare = config.architecture.endswith("Model")
    if config.architecture and not bare and not config.architecture.endswith("ForConditionalGeneration"):
        raise config.unknown_class()
    words, codes = nested(config, "encoder_config", "dia_encoder"), nested(config, "decoder_config", "dia_decoder")
    source, width, at = words.integer("hidden_size"), codes.integer("hidden_size"), "" if bare else "model."
    rows = codes.integer("num_channels") * codes.integer("vocab_size")
    cross = Attention(num_heads=codes.integer("cross_num_attention_heads"), cross=True, causal=False,
                      num_kv_heads=codes.integer("cross_num_key_value_heads"), head_dim=codes.integer("cross_head_dim"),
                      source_size=codes.integer("cross_hidden_size"))
    decoder = _sized(codes, DECODER).crossed(width, codes.integer("num_attention_heads"),
                                             codes.integer("intermediate_size"), "pre_ca_norm", "cross_attention",
                                             cross=cross)
    encoder = _sized(words, ENCODER)(source, words.integer("num_attention_heads"), words.integer("intermediate_size"))
    modules: Parts = {
        "encoder.embedding": table(words.integer("vocab_size"), source, "other_embedding"),
        "encoder.positions": ROTARY, "encoder.layers": layers(words.layers, "encoder").model_copy(
            update={"hidden_size": source, "stream": "source"}), "encoder.norm": rms(source),
        "decoder.embeddings.embed": table(rows, width, "other_embedding"), "decoder.positions": ROTARY,
        "decoder.layers": layers(codes.layers, "decoder"), "decoder.norm": rms(width)}
    named = {at + key: part for key, part in modules.items()}
    if not bare:
        named["logits_dense"] = dense(rows, width, bias=False)
    return model(width, named, {"encoder": encoder, "decoder": decoder}, words=codes.integer("vocab_size"))
