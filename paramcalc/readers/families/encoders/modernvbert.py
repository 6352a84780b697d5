"""ModernVBERT and UltraVBERT: a SigLIP tower, a projection of its patches, and a text encoder that reads both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from paramcalc.components.linear import Head, Linear
from paramcalc.components.norm import Norm
from paramcalc.errors import Problem, SpecError
from paramcalc.readers.config.config import Config
from paramcalc.readers.config.defaults import FamilyData
from paramcalc.readers.families import family_of
from paramcalc.readers.families.encoders.heads import Tops, top_of
from paramcalc.readers.families.encoders.modernbert import modernbert, ultrabert
from paramcalc.readers.families.towers.frame import tower
from paramcalc.readers.families.towers.siglip import vision
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramcalc.components.base import Parts
    from paramcalc.readers.config.config import Builder

VISION = "siglip_vision_model"
VISION_DATA = FamilyData(
    {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
     "num_channels": 3, "image_size": 224, "patch_size": 16, "vision_use_head": True}, {}, (),
)
"""The class's own defaults."""


def nested(config: Config, key: str, model_type: str) -> Config:
    """A tower's own config, as a class of its own."""
    data = config.get(key)
    data = config.family.defaults.get(key, {}) if data is None else data
    if type(data) is not dict:
        raise config.expected(key, "a mapping")
    inner_type = data.get("model_type", model_type)
    family = VISION_DATA if model_type == VISION else family_of(model_type).data
    if inner_type != model_type or family is None:
        raise SpecError(Problem(f"unknown model_type {inner_type!r:.60}", (key, "model_type"),
                                f"known here: {model_type}"))
    return config.part(key, data, family, model_type, "Model")


def assembled(config: Config, tops: Tops, text: ModelSpec, connector: Parts) -> ModelSpec:
    """Tower, connector, text encoder, and what the class puts on it."""
    eyes = nested(config, "vision_config", VISION)
    top = top_of(config, tops)
    base = "" if top == "Model" else "model."
    modules: Parts = {f"{base}text_model.{key}": part for key, part in (text.modules or {}).items()}
    for piece in tops[top]:
        if callable(piece):
            modules |= piece(config)
    images = vision(eyes, f"{base}vision_model")
    join = tower("projector", images.hidden_size, connector, at=f"{base}connector", stream="image_tokens")
    return text.model_copy(update={"modules": modules, "towers": {"vision": images, "projector": join}})


def projection(config: Config, width: int) -> Linear:
    """Squares of neighbouring patches are joined, then projected to the text's width, once for each square."""
    factor = config.integer("pixel_shuffle_factor")
    into = nested(config, "vision_config", VISION).integer("hidden_size") * factor * factor
    return Linear(out_features=width, in_features=into)


def text_of(config: Config, model_type: str) -> Config:
    """The text encoder's config."""
    return nested(config, "text_config", model_type)


def modern_transform(at: str, component: Literal["lm_head", "other"]) -> Callable[[Config], Parts]:
    """The dense layer and norm before a prediction or a label."""

    def build(config: Config) -> Parts:
        text = text_of(config, "modernbert")
        width = text.integer("hidden_size")
        return {f"{at}.dense": Linear(out_features=width, bias=text.flag("classifier_bias"), component=component),
                f"{at}.norm": Norm(kind="layernorm", bias=text.flag("norm_bias"),
                                   component="lm_head" if component == "lm_head" else "norm")}

    return build


def modern_decoder(config: Config) -> Parts:
    """A projection to tokens."""
    return {"lm_head": Head(tied=config.tied, bias=text_of(config, "modernbert").flag("decoder_bias"))}


def ultra_head(config: Config) -> Parts:
    """A bottleneck and a projection to tokens."""
    inner = text_of(config, "ultrabert").integer("prediction_head_size")
    return {"head.linear1": Linear(out_features=inner, component="ffn"),
            "head.linear2": Linear(in_features=inner, component="ffn"), "head.decoder": Head(tied=config.tied)}


def labels(per: Literal["token", "sequence"]) -> Callable[[Config], Parts]:
    """A projection to the labels."""

    def build(config: Config) -> Parts:
        return {"classifier": Linear(out_features=config.labels, bias=True, component="lm_head", per=per)}

    return build


LABELLED = modern_transform("head", "lm_head")
MODERN_TOPS: Tops = {
    "Model": (), "MaskedLM": (modern_transform("projection_head", "other"), modern_decoder),
    "SequenceClassification": (LABELLED, labels("sequence")), "TokenClassification": (LABELLED, labels("token")),
}
ULTRA_TOPS: Tops = {
    "Model": (), "MaskedLM": (ultra_head,), "SequenceClassification": (labels("sequence"),),
    "TokenClassification": (labels("token"),),
}


def modernvbert(config: Config) -> ModelSpec:
    """ModernVBERT."""
    text = modernbert(text_of(config, "modernbert"))
    connector: Parts = {"modality_projection": projection(config, text.hidden_size)}
    return assembled(config, MODERN_TOPS, text, connector)


def ultravbert(config: Config) -> ModelSpec:
    """UltraVBERT."""
    text = ultrabert(text_of(config, "ultrabert"))
    connector: Parts = {
        "modality_projection": projection(config, text.hidden_size),
        "norm": Norm(kind="rmsnorm", hidden_size=text.hidden_size),
    }
    return assembled(config, ULTRA_TOPS, text, connector)


ROWS: dict[str, Builder] = {"modernvbert": modernvbert, "ultravbert": ultravbert}
