"""ModernVBERT and UltraVBERT: a SigLIP tower, a projection of its patches, and a text encoder that reads both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from paramcalc.components.layout import Repeat
from paramcalc.components.linear import Head, Linear, Parameter, Score
from paramcalc.components.norm import Norm
from paramcalc.components.stack import Stack
from paramcalc.errors import Problem, SpecError
from paramcalc.readers.config.config import Config
from paramcalc.readers.config.defaults import FamilyData, family_data
from paramcalc.readers.families.encoder import heads
from paramcalc.readers.families.encoders.heads import Tops, top_of
from paramcalc.readers.families.encoders.modernbert import modernbert, ultrabert
from paramcalc.spec.layer import Block
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramcalc.readers.config.config import Builder
    from paramcalc.readers.families.encoders.heads import Parts

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
        raise config.error(key, "expected a mapping")
    inner_type = data.get("model_type", model_type)
    family = VISION_DATA if model_type == VISION else family_data(model_type)
    if inner_type != model_type or family is None:
        raise SpecError(Problem(f"unknown model_type {inner_type!r:.60}", (key, "model_type"),
                                f"known here: {model_type}"))
    return Config(data, family, model_type, "Model", (*config.path, key))


def vision_linear(out: int, into: int) -> Linear:
    """A projection inside the tower."""
    return Linear(out_features=out, in_features=into, bias=True, component="vision")


def vision_norm(width: int) -> Norm:
    """A norm inside the tower."""
    return Norm(kind="layernorm", component="vision", hidden_size=width)


def patches(config: Config) -> int:
    """How many squares of patch_size an image is cut into."""
    size, patch = config.integer("image_size"), config.integer("patch_size")
    if patch > size:
        raise config.error("patch_size", f"{patch} is larger than image_size ({size})")
    return (size // patch) ** 2


def vision_layer(config: Config) -> Parts:
    """A layer of the tower: every patch attends to every other."""
    width, inner, count = config.integer("hidden_size"), config.integer("intermediate_size"), heads(config)
    parts: Parts = {"layer_norm1": vision_norm(width)}
    parts |= {f"self_attn.{name}": vision_linear(width, width) for name in ("k_proj", "v_proj", "q_proj", "out_proj")}
    parts["scores"] = Score(sizes=(count, 2 * (width // count)), per="pair", causal=False, component="vision")
    return parts | {"layer_norm2": vision_norm(width), "mlp.fc1": vision_linear(inner, width),
                    "mlp.fc2": vision_linear(width, inner)}


def pooling(config: Config) -> Parts:
    """A learned query that attends to the patches once an image."""
    width, inner = config.integer("hidden_size"), config.integer("intermediate_size")
    at = "head.attention"
    return {
        "head.probe": Parameter(shape=(1, 1, width), component="vision"),
        f"{at}.in_proj_weight": Parameter(shape=(3 * width, width), role="matmul", component="vision", per="source"),
        f"{at}.in_proj_bias": Parameter(shape=(3 * width,), component="vision"),
        f"{at}.out_proj": vision_linear(width, width).model_copy(update={"per": "sequence"}),
        "head.layernorm": vision_norm(width),
        "head.mlp.fc1": vision_linear(inner, width).model_copy(update={"per": "sequence"}),
        "head.mlp.fc2": vision_linear(width, inner).model_copy(update={"per": "sequence"}),
    }


def tower(config: Config) -> Parts:
    """SigLIP's vision model; its patches are what the model's source is made of."""
    width, patch = config.integer("hidden_size"), config.integer("patch_size")
    channels = config.integer("num_channels")
    parts: Parts = {
        "embeddings.patch_embedding.weight": Parameter(shape=(width, channels, patch, patch), role="matmul",
                                                       component="vision", per="source"),
        "embeddings.patch_embedding.bias": Parameter(shape=(width,), component="vision"),
        "embeddings.position_embedding.weight": Parameter(shape=(patches(config), width), role="lookup",
                                                          component="vision"),
        "encoder.layers": Stack(of=(Repeat(repeat=config.layers, of=("vision",)),), stream="source"),
        "post_layernorm": vision_norm(width),
    }
    return parts | (pooling(config) if config.flag("vision_use_head") else {})


def assembled(config: Config, tops: Tops, text: ModelSpec, connector: Parts) -> ModelSpec:
    """Tower, connector, text encoder, and what the class puts on it."""
    vision = nested(config, "vision_config", VISION)
    top = top_of(config, tops)
    base = "" if top == "Model" else "model."
    parts = {f"vision_model.{key}": part for key, part in tower(vision).items()}
    parts |= connector | {f"text_model.{key}": part for key, part in (text.modules or {}).items()}
    modules: Parts = {base + key: part for key, part in parts.items()}
    for piece in tops[top]:
        if callable(piece):
            modules |= piece(config)
    blocks = {**text.blocks, "vision": Block(parts=vision_layer(vision))}
    return text.model_copy(update={"modules": modules, "blocks": blocks})


def projection(config: Config, width: int) -> Linear:
    """Squares of neighbouring patches are joined, then projected to the text's width, once for each square."""
    factor = config.integer("pixel_shuffle_factor")
    into = nested(config, "vision_config", VISION).integer("hidden_size") * factor * factor
    return Linear(out_features=width, in_features=into, component="projector", per="source")


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
    connector: Parts = {"connector.modality_projection": projection(config, text.hidden_size)}
    return assembled(config, MODERN_TOPS, text, connector)


def ultravbert(config: Config) -> ModelSpec:
    """UltraVBERT."""
    text = ultrabert(text_of(config, "ultrabert"))
    connector: Parts = {
        "connector.modality_projection": projection(config, text.hidden_size),
        "connector.norm": Norm(kind="rmsnorm", component="projector"),
    }
    return assembled(config, ULTRA_TOPS, text, connector)


ROWS: dict[str, Builder] = {"modernvbert": modernvbert, "ultravbert": ultravbert}
