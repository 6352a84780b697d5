"""ViLT: one encoder reads words and patches, told apart by an embedding of what they are. arXiv:2102.03334."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.base import Parts
from paramcalc.components.linear import Head
from paramcalc.readers.families.encoders.heads import PredictionHead
from paramcalc.readers.families.towers.alone import crowned, labels, model, pooled, unmeasured
from paramcalc.readers.families.towers.frame import layers
from paramcalc.readers.families.towers.geometry import heads, patches
from paramcalc.readers.families.towers.parts import dense, embedded, norm, patched, positioned, table
from paramcalc.readers.families.towers.vit import biased, block_of

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.encoders.heads import Tops
    from paramcalc.spec.model import ModelSpec

AT = "mlm_score"
HEAD = PredictionHead(f"{AT}.transform.dense", f"{AT}.transform.LayerNorm", f"{AT}.decoder", "")


def _words(config: Config) -> Parts:
    """The class ties whatever the config says."""
    config.read.add("tie_word_embeddings")
    return {**HEAD(config), f"{AT}.decoder": Head(tied=True, bias=True)}


def _chosen(times: int, config: Config) -> Parts:
    """From one vector, or as many as pictures are compared, by way of a layer of `times` the width."""
    width = config.integer("hidden_size")
    into, inner = (width * (times if config.architecture.endswith("Classification") else 1), width * times)
    return {"classifier.0": dense(inner, into, component="lm_head", per="sequence"),
            "classifier.1": norm(inner, component="lm_head"),
            "classifier.3": dense(config.labels, inner, component="lm_head", per="sequence")}


def _ranked(config: Config) -> Parts:
    return {"rank_output": dense(1, config.integer("hidden_size"), per="sequence")}


TOPS: Tops = {
    "Model": (pooled,), "MaskedLM": (pooled, _words), "TokenClassification": (labels(),),
    "QuestionAnswering": (pooled, lambda config: _chosen(2, config)), "ImageAndTextRetrieval": (pooled, _ranked),
    "ImagesAndTextClassification": (pooled, lambda config: _chosen(config.integer("num_images"), config))}


def vilt(config: Config) -> ModelSpec:
    """ViLT."""
    width, at = config.integer("hidden_size"), "embeddings.text_embeddings"
    modules: Parts = {
        f"{at}.word_embeddings": table(config.integer("vocab_size"), width, "token_embedding"),
        f"{at}.position_embeddings": table(config.integer("max_position_embeddings"), width),
        f"{at}.token_type_embeddings": table(config.integer("type_vocab_size"), width, "other_embedding"),
        f"{at}.LayerNorm": norm(width), "embeddings.cls_token": embedded(1, 1, width),
        "embeddings.position_embeddings": positioned(1, patches(config) + 1, width),
        "embeddings.patch_embeddings.projection": patched(config, width),
        "embeddings.token_type_embeddings": table(config.integer("modality_type_vocab_size"), width,
                                                  "other_embedding"),
        "encoder.layer": layers(config.layers), "layernorm": norm(width)}
    block = block_of(width, heads(config), config.integer("intermediate_size"), biased(config))
    spec = model(width, modules, {"layer": block}, words=config.integer("vocab_size"))
    return unmeasured(crowned(config, "vilt", spec, TOPS))
