"""CANINE: characters, hashed into embeddings, are joined into fewer positions for the deep layers. arXiv:2103.06874."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.convolution import Convolution
from paramcalc.components.embedding import Embedding
from paramcalc.components.norm import Norm
from paramcalc.readers.families.encoders.heads import CHOSEN, LABELLED, SPANS, TAGGED
from paramcalc.readers.families.towers.alone import crowned, model, pooled, unmeasured
from paramcalc.readers.families.towers.bert import layer
from paramcalc.readers.families.towers.frame import layers

if TYPE_CHECKING:
    from paramcalc.components.base import Parts
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.encoders.heads import Tops
    from paramcalc.spec.model import ModelSpec

TOPS: Tops = {"Model": (pooled,), "SequenceClassification": (pooled, LABELLED), "MultipleChoice": (pooled, CHOSEN),
              "TokenClassification": (pooled, TAGGED), "QuestionAnswering": (pooled, SPANS)}
NORM = Norm(kind="layernorm")
SHALLOW = layers(1, "local")


def _characters(config: Config) -> Parts:
    """A narrow table for each way to hash a character; joined they are as wide as the model."""
    width, rows, at = config.integer("hidden_size"), config.integer("num_hash_buckets"), "char_embeddings"
    count = config.integer("num_hash_functions")
    if count > MOST or width % count:
        raise config.error("num_hash_functions", f"must divide hidden_size ({width}), at most {MOST}")
    narrow = Embedding(rows=rows, hidden_size=width // count, own_indices=True)
    return {**{f"{at}.HashBucketCodepointEmbedder_{index}": narrow for index in range(count)},
            f"{at}.char_position_embeddings": Embedding(rows=rows, component="position_embedding"),
            f"{at}.token_type_embeddings": Embedding(rows=config.integer("type_vocab_size"),
                                                     component="other_embedding"),
            f"{at}.LayerNorm": NORM}


MOST = 16
"""As many ways to hash as the class has primes for."""


def canine(config: Config) -> ModelSpec:
    """A layer over characters, the deep ones over fewer positions, and one more over characters."""
    width, rate = config.integer("hidden_size"), config.integer("downsampling_rate")
    joined = Convolution(out_channels=width, in_channels=width, kernel=(rate,), every=rate, activated=True)
    spread = Convolution(out_channels=width, in_channels=2 * width, activated=True,
                         kernel=(config.integer("upsampling_kernel_size"),))
    deep = layers(config.layers).model_copy(update={"every": rate})
    modules: Parts = {
        **_characters(config), "initial_char_encoder.layer": SHALLOW, "chars_to_molecules.conv": joined,
        "chars_to_molecules.LayerNorm": NORM.model_copy(update={"every": rate}), "encoder.layer": deep,
        "projection.conv": spread, "projection.LayerNorm": NORM, "final_char_encoder.layer": SHALLOW}
    near = config.integer("local_transformer_stride")
    spec = model(width, modules, {"layer": layer(config), "local": layer(config, chunk=near)})
    return unmeasured(crowned(config, "canine", spec, TOPS))


ROWS = {"canine": canine}
