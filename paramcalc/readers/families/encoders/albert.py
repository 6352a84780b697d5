"""ALBERT: few groups of layers, each used for many places of the stack. Source: arXiv:1909.11942."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.errors import LAYERS
from paramcalc.numbers import many
from paramcalc.readers.families.encoder import Encoder
from paramcalc.readers.families.encoders.heads import (
    CHOSEN,
    LABELLED,
    PLAIN_TOPS,
    Dense,
    PredictionHead,
    Tops,
)
from paramcalc.spec.layer import Block
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from paramcalc.components.base import Component
    from paramcalc.readers.config.config import Builder, Config

NAMES = {
    "project": "encoder.embedding_hidden_mapping_in", "layers": "encoder.albert_layer_groups", "pooler": "pooler",
    "q_proj": "query", "k_proj": "key", "v_proj": "value", "o_proj": "dense",
    "attention_norm": "attention.LayerNorm", "ffn": "", "up_proj": "ffn", "down_proj": "ffn_output",
    "ffn_norm": "full_layer_layer_norm",
}
HEAD = PredictionHead("predictions.dense", "predictions.LayerNorm", "predictions.decoder", "predictions.bias",
                      "embedding_size")
TOPS: Tops = {
    **PLAIN_TOPS, "Model": ("pooler",), "SequenceClassification": ("pooler", LABELLED),
    "MultipleChoice": ("pooler", CHOSEN),
    "PreTraining": ("pooler", "head", Dense("sop_classifier.classifier", "labels", component="other")),
}


def group_words(config: Config) -> list[str]:
    """A word for each group, saying how many layers of the stack it stands for."""
    layers, groups = config.layers, config.integer("num_hidden_groups")
    if groups > layers:
        raise config.error("num_hidden_groups", f"{many(groups, 'group')} for {many(layers, 'layer')}", code=LAYERS)
    turns = [layer * groups // layers for layer in range(layers)]
    return [f"used_{turns.count(group)}" for group in range(groups)]


ROW = Encoder("albert", NAMES, HEAD, TOPS, embedding_size="embedding_size", projected=True, words=group_words)


def albert(config: Config) -> ModelSpec:
    """ALBERT: the encoder's row, with each part held once and used again."""
    spec = ROW(config)
    copies = config.integer("inner_group_num")

    def shared(key: str, part: Component, uses: int) -> Component:
        path = f"albert_layers.*.{key}" if part.path is None else f"albert_layers.*{part.path and '.'}{part.path}"
        return part.model_copy(update={"path": path, "copies": copies, "uses": uses})

    blocks = {
        word: Block(parts={key: shared(key, part, int(word.removeprefix("used_")))
                           for key, part in (block.parts or {}).items()})
        for word, block in spec.blocks.items()
    }
    return spec.model_copy(update={"blocks": blocks})


ROWS: dict[str, Builder] = {"albert": albert}
