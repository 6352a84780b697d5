"""Pix2Struct: patches by row and column, T5's layers to read them; and the decoder over them. arXiv:2210.03347."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.base import Parts
from paramcalc.components.embedding import Embedding
from paramcalc.components.linear import Head
from paramcalc.readers.families.towers.alone import model, sourced
from paramcalc.readers.families.towers.composite import nested
from paramcalc.readers.families.towers.frame import Layer, layers, mixed, tower, under
from paramcalc.readers.families.towers.parts import dense, rms, table

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.model import ModelSpec
    from paramcalc.spec.tower import Tower

READ = {"q_proj": "query", "k_proj": "key", "v_proj": "value", "o_proj": "output"}
MLP = {"gate_proj": "wi_0", "up_proj": "wi_1", "down_proj": "wo"}
SEES = Layer("pre_attention_layer_norm", "attention", "pre_mlp_layer_norm", norm="rmsnorm", bias=(), gated=True,
             mlp_bias=False, names=READ | MLP)
READS = Layer("self_attention.layer_norm", "self_attention.attention", "mlp.layer_norm", "mlp.DenseReluDense",
              norm="rmsnorm", bias=(), gated=True, mlp_bias=False, names=READ | MLP)


def vision(config: Config, at: str) -> Tower:
    """The encoder; also Kosmos-2.5's, whose config has other words for the same."""
    other = config.model_type == "kosmos_2_5_vision_model"
    longest, inside, size = ("max_num_patches", "intermediate_size", "head_dim") if other else (
        "seq_len", "d_ff", "d_kv")
    width, heads = config.integer("hidden_size"), config.integer("num_attention_heads")
    patch, rows = config.integer("patch_embed_hidden_size"), config.integer(longest)
    modules: Parts = {"embeddings.patch_projection": dense(width, patch, component="other_embedding"),
                      "embeddings.row_embedder": table(rows, width, "other_embedding"),
                      "embeddings.column_embedder": table(rows, width, "other_embedding"),
                      "encoder.layer": layers(config.layers), "layernorm": rms(width)}
    block = SEES(width, heads, config.integer(inside), head_dim=config.optional(size) or max(1, width // heads))
    return tower("vision", width, modules, {"layer": block}, at)


def _text(config: Config) -> tuple[Parts, dict[str, Parts]]:
    """A decoder whose first layer alone holds the biases of relative positions."""
    width, count = config.integer("hidden_size"), config.integer("num_heads")
    plain = READS.crossed(width, config.dividing("num_heads", width), config.integer("d_ff"),
                          "encoder_decoder_attention.layer_norm", "encoder_decoder_attention.attention")
    at, depth = "self_attention.attention.relative_attention_bias", config.depth("num_layers")
    biased = {**plain, at: Embedding(rows=config.integer("relative_attention_num_buckets"), hidden_size=count,
                                     component="position_embedding", pairs=True)}
    return {"embed_tokens": Embedding(rows=config.integer("vocab_size")),
            "layer": mixed(["biased", *["plain"] * (depth - 1)]), "final_layer_norm": rms(width),
            "lm_head": Head(rows=config.integer("vocab_size"), tied=config.tied)}, {"biased": biased, "plain": plain}


def pix2struct(config: Config) -> ModelSpec:
    """Both."""
    if config.architecture and not config.architecture.endswith("ForConditionalGeneration"):
        raise config.unknown_class()
    words = nested(config, "text_config", "pix2struct_text_model")
    words.ties = config.tied  # the class writes its own into the text model's
    eyes = vision(nested(config, "vision_config", "pix2struct_vision_model"), "encoder")
    parts, blocks = _text(words)
    spec = model(words.integer("hidden_size"), sourced(eyes) | under("decoder", parts), blocks)
    return spec.model_copy(update={"vocab_size": words.integer("vocab_size"), "blocks": {**eyes.blocks,
                                                                                         **spec.blocks}})
